// A menu that a button opens. The arrow keys, Home and End move in it; Escape and a click elsewhere close it.

import { make } from "./dom.js";

// `items` gives the entries when the menu opens: { label, detail, checked, data, action }. `root` holds the button.
export function attachMenu(root, button, items) {
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => (root.querySelector(".menu") ? closeMenu(root, button) : openMenu(root, button, items())));
}

function openMenu(root, button, items) {
  const close = () => closeMenu(root, button);
  const menu = make("div", { class: "menu", role: "menu" }, items.map((item) => renderItem(item, close)));
  menu.addEventListener("keydown", (event) => handleKey(event, menu, close));
  const leave = (event) => {
    if (root.contains(event.target)) return;
    document.removeEventListener("pointerdown", leave);
    document.removeEventListener("focusin", leave);
    closeMenu(root, button, { focus: false });
  };
  document.addEventListener("pointerdown", leave);
  document.addEventListener("focusin", leave);
  root.append(menu);
  button.setAttribute("aria-expanded", "true");
  (menu.querySelector("[aria-checked=true]") ?? menu.firstElementChild).focus();
}

function closeMenu(root, button, { focus = true } = {}) {
  button.setAttribute("aria-expanded", "false");
  if (focus) button.focus();
  root.querySelector(".menu")?.remove();
}

function renderItem({ label, detail, checked, data, action }, close) {
  return make(
    "button",
    {
      type: "button",
      class: "option",
      role: checked === undefined ? "menuitem" : "menuitemradio",
      "aria-checked": checked === undefined ? null : String(checked),
      "data-testid": "menu-item",
      ...data,
      onclick: () => {
        close();
        action();
      },
    },
    label,
    detail && make("small", {}, detail),
  );
}

function handleKey(event, menu, close) {
  const items = [...menu.children];
  const index = items.indexOf(document.activeElement);
  const targets = {
    ArrowDown: items[(index + 1) % items.length],
    ArrowUp: items.at(index - 1),
    Home: items[0],
    End: items.at(-1),
  };
  if (event.key === "Escape") close();
  else if (targets[event.key]) targets[event.key].focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
