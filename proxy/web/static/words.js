// Numbers, durations and times as people read them.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const NONE = "–";

export function count(value) {
  return value === null || value === undefined ? NONE : Math.abs(value) < 10000 ? plain.format(value) : short.format(value);
}

export function milliseconds(value) {
  if (value === null || value === undefined) return NONE;
  return value < 1000 ? `${Math.round(value)} ms` : seconds(value / 1000);
}

export function seconds(value) {
  if (value === null || value === undefined) return NONE;
  if (value < 60) return `${plain.format(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  if (value < 86400) return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
  return `${Math.floor(value / 86400)} d ${Math.floor((value % 86400) / 3600)} h`;
}

export function dollars(value) {
  if (!value) return "$0";
  return value < 0.01 ? `$${value.toPrecision(2)}` : `$${value.toFixed(2)}`;
}

export function percent(value) {
  return value === null || value === undefined ? NONE : `${Math.round(value)} %`;
}

export function megabytes(value) {
  if (value === null || value === undefined) return NONE;
  return value < 1024 ? `${Math.round(value)} MB` : `${(value / 1024).toFixed(1)} GB`;
}

export function minute(unix) {
  return clock.format(new Date(unix * 1000));
}

export function time(iso) {
  return exact.format(new Date(iso));
}
