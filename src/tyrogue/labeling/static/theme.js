// Runs before the first paint, as a plain script: a module would come after it, and the page would flash.
// "auto" follows the system; a choice is kept.
(() => {
  const KEY = "tyrogue:theme";
  const root = document.documentElement;
  const read = () => {
    try {
      return localStorage.getItem(KEY) || "auto";
    } catch {
      return "auto";
    }
  };
  root.dataset.theme = read();
  const order = ["auto", "light", "dark"];
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const tell = () => {
      const name = { auto: "Auto", light: "Light", dark: "Dark" }[root.dataset.theme];
      button.textContent = name;
      button.setAttribute("aria-label", `Theme: ${name}`);
    };
    button.addEventListener("click", () => {
      root.dataset.theme = order[(order.indexOf(root.dataset.theme) + 1) % order.length];
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // A browser that keeps nothing still changes the page.
      }
      tell();
    });
    tell();
  });
})();
