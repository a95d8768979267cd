// @ts-check
// Starts the page, or says why this browser cannot show it. Even old browsers must understand this file.

{
  const isNewEnough =
    "CSS" in window &&
    CSS.supports("color", "light-dark(red, red)") &&
    CSS.supports("selector(:has(a))") &&
    "toSorted" in Array.prototype &&
    "OffscreenCanvas" in window;
  const loading = /** @type {HTMLElement} */ (document.getElementById("rsh-loading"));
  let trouble = "";
  if (location.protocol === "file:") {
    trouble =
      "A browser lets no page read the files beside it: open this folder through a web host, such as " +
      "python -m http.server, and its address http://127.0.0.1:8000.";
  } else if (!isNewEnough) {
    trouble = "This page needs a newer browser: Chrome or Edge 123, Firefox 121, Safari 17.5, or later.";
  }
  const show = (/** @type {string} */ words) => {
    const text = /** @type {HTMLElement} */ (loading.querySelector("p"));
    text.textContent = words;
    text.setAttribute("role", "alert");
    loading.className = "is-failed";
  };
  if (trouble) show(trouble);
  else {
    const script = document.createElement("script");
    script.type = "module";
    script.src = "rsh.js";
    script.onerror = () => {
      show("rsh.js cannot be loaded: reload the page, and if that does not help, publish the site again");
    };
    document.head.appendChild(script);
  }
}
