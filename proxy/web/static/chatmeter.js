// How fast an answer comes: measured here while it comes, told by the daemon at its end.

import { shortName } from "./chatapi.js";
import { count, milliseconds, seconds } from "./words.js";

const CHARACTERS_OF_A_TOKEN = 4; // about; the daemon counts at the end

export class Meter {
  constructor() {
    this.asked = performance.now();
    this.first = null;
    this.characters = 0;
  }

  heard(piece) {
    this.first ??= performance.now();
    this.characters += piece.length;
  }

  /** What is known now, in words. */
  get words() {
    const now = performance.now();
    if (this.first === null) return `Waiting for the first token… ${seconds((now - this.asked) / 1000)}`;
    const since = (now - this.first) / 1000;
    const rate = since > 0.2 ? `, about ${count(Math.round(this.characters / CHARACTERS_OF_A_TOKEN / since))} tokens/s` : "";
    return `First token after ${milliseconds(this.first - this.asked)}${rate}, ${seconds((now - this.asked) / 1000)}`;
  }

  /** The answer is whole. */
  end() {
    this.ended = performance.now();
  }

  /** The same of a whole answer, its tokens by the daemon's own counts. */
  whole(metrics) {
    const first = this.first === null ? [] : [`first token after ${milliseconds(this.first - this.asked)}`];
    return [
      shortName(metrics.model),
      ...first,
      `${count(metrics.tokens_per_second)} tokens/s`,
      `${count(metrics.eval_count)} tokens`,
      seconds((this.ended - this.asked) / 1000),
    ].join(" · ");
  }
}
