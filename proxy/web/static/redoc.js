// Redoc over the daemon's own description. Its search would need a worker made of text, which no policy of ours allows.

const offset = document.querySelector(".bar").offsetHeight;
const fonts = "system-ui, sans-serif";
const theme = { typography: { fontFamily: fonts, headings: { fontFamily: fonts } } };

window.Redoc.init(
  "/openapi.json",
  { disableSearch: true, scrollYOffset: offset, hideDownloadButton: false, theme },
  document.getElementById("viewer"),
);
