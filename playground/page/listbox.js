// A list above a text field. The arrow keys move in it while the field keeps the focus; Enter and Tab pick.

import { make } from "./dom.js";

const [MIN_HEIGHT, MAX_HEIGHT] = [100, 420]; // pixels
const GAP = 12; // pixels between the list and what stands above and below it

export class ListBox {
  constructor(input, { id, label, testid, rowTestid, onPick }) {
    Object.assign(this, { input, rowTestid, onPick });
    this.root = make("div", { class: "popover", id, role: "listbox", "aria-label": label, "data-testid": testid, hidden: true });
    input.setAttribute("aria-controls", id);
    input.setAttribute("aria-autocomplete", "list");
    this.clear();
  }

  get open() {
    return !this.root.hidden;
  }

  // Rows are { label, detail, data } and anything else that `onPick` needs; `note` or `problem` stands above them.
  show(rows, { note = null, problem = null, active = -1 } = {}) {
    this.rows = rows;
    this.elements = rows.map((row, index) => this.renderRow(row, index));
    const above = [
      note && make("p", { class: "note", dir: "auto" }, note),
      problem && make("p", { class: "note failure", dir: "auto", role: "alert" }, problem),
    ];
    this.root.replaceChildren(...[...above, ...this.elements].filter(Boolean));
    this.root.hidden = !this.root.childElementCount;
    if (this.open) this.fitHeight();
    this.input.setAttribute("aria-expanded", String(this.open));
    this.activate(active < rows.length ? active : -1);
  }

  // The list stands on its form and must not cover the header.
  fitHeight() {
    const form = this.root.closest("form")?.getBoundingClientRect();
    const header = document.querySelector("header").offsetHeight;
    if (form) this.root.style.maxHeight = `${Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, form.top - header - GAP))}px`;
  }

  renderRow(row, index) {
    return make(
      "button",
      {
        type: "button",
        class: "option",
        role: "option",
        id: `${this.root.id}-${index}`,
        tabindex: "-1",
        dir: "auto",
        "data-testid": this.rowTestid,
        ...row.data,
        onmousedown: (event) => event.preventDefault(), // the field keeps the focus
        onclick: () => this.onPick(row),
      },
      row.label,
      row.detail && make("small", {}, row.detail),
    );
  }

  activate(index) {
    this.active = index;
    this.elements.forEach((element, other) => element.setAttribute("aria-selected", String(other === index)));
    if (index < 0) return this.input.removeAttribute("aria-activedescendant");
    this.input.setAttribute("aria-activedescendant", this.elements[index].id);
    return this.elements[index].scrollIntoView({ block: "nearest" });
  }

  clear() {
    this.show([]);
  }

  // Whether the key was meant for the list. After Tab the focus still moves on.
  handleKey(event) {
    if (!this.open || event.isComposing) return false;
    if (event.key === "Escape") this.clear();
    else if (event.key === "ArrowDown" && this.rows.length) this.activate((this.active + 1) % this.rows.length);
    else if (event.key === "ArrowUp" && this.rows.length)
      this.activate(this.active > 0 ? this.active - 1 : this.rows.length - 1);
    else if (["Enter", "Tab"].includes(event.key) && !event.shiftKey && this.active >= 0) this.onPick(this.rows[this.active]);
    else return false;
    return true;
  }
}
