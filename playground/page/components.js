// Draws the components of a message: rows of buttons and selects, and components V2.

import { make, safeUrl } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { renderGallery, renderPicture } from "./pictures.js";
import { currentGuild, state } from "./state.js";

const BUTTON_CLASSES = { 1: "primary", 2: "", 3: "success", 4: "danger", 5: "" };

const RENDERERS = {
  1: (part, handlers) =>
    make(
      "div",
      { class: "row" },
      part.components.map((child) => renderComponent(child, handlers)),
    ),
  2: button,
  3: select,
  5: select,
  6: select,
  7: select,
  8: select,
  9: (part, handlers) =>
    make(
      "div",
      { class: "section" },
      make(
        "div",
        { class: "section-text" },
        part.components.map((child) => renderComponent(child, handlers)),
      ),
      renderComponent(part.accessory, handlers),
    ),
  10: (part) => renderMarkdown(part.content),
  11: (part) => make("div", { class: "thumbnail" }, renderPicture(part.media, { ...part, sized: false })),
  12: (part) => renderGallery(part.items),
  13: (part) => renderFile(part.name ?? "file", part.file.url, part.size),
  14: (part) =>
    make("hr", { class: `separator ${part.spacing === 2 ? "wide" : ""} ${part.divider ? "" : "blank"}` }),
  17: container,
};

export function renderComponent(part, handlers) {
  return RENDERERS[part.type]?.(part, handlers) ?? make("em", { class: "muted" }, `(component ${part.type})`);
}

function container(part, handlers) {
  const box = make(
    "div",
    { class: "container", "data-testid": "container" },
    part.components.map((child) => renderComponent(child, handlers)),
  );
  if (part.accent_color !== null)
    box.style.borderInlineStartColor = `#${part.accent_color.toString(16).padStart(6, "0")}`;
  return box;
}

function emojiText(part) {
  if (!part.emoji) return null;
  return part.emoji.id ? `:${part.emoji.name}:` : part.emoji.name;
}

function button(part, handlers) {
  const label = [emojiText(part), part.label].filter(Boolean).join(" ");
  if (part.style === 5) {
    const href = safeUrl(part.url);
    return make(
      "a",
      { class: "button link-button", href, target: "_blank", rel: "noopener noreferrer" },
      `${label} ↗`,
    );
  }
  return make(
    "button",
    {
      type: "button",
      class: `button ${BUTTON_CLASSES[part.style] ?? ""}`,
      disabled: Boolean(part.disabled),
      "data-testid": "component-button",
      "data-custom-id": part.custom_id,
      onclick: () => handlers.press(part),
    },
    label,
  );
}

// The choices of a select in a message or a form: { label, value, default }.
export function selectOptions(part) {
  if (part.options) return part.options;
  const chosen = new Set((part.default_values ?? []).map(({ id }) => id));
  const choice = (label, value) => ({ label, value, default: chosen.has(value) });
  const guild = currentGuild();
  const people = state.world.people.map((one) => choice(one.name, one.id));
  const roles = (guild?.roles ?? []).map((one) => choice(one.name, one.id));
  const channels = (guild?.channels ?? []).map((one) => choice(`#${one.name}`, one.id));
  return { 5: people, 6: roles, 7: [...people, ...roles], 8: channels }[part.type] ?? [];
}

function optionText(choice) {
  return (
    [emojiText(choice), choice.label].filter(Boolean).join(" ") +
    (choice.description ? ` — ${choice.description}` : "")
  );
}

function select(part, handlers) {
  return part.max_values > 1 || part.min_values === 0 ? multiSelect(part, handlers) : singleSelect(part, handlers);
}

function singleSelect(part, handlers) {
  const placeholder = part.placeholder ?? "Make a selection";
  const options = selectOptions(part).map((choice) =>
    make("option", { value: choice.value, selected: Boolean(choice.default) }, optionText(choice)),
  );
  const menu = make(
    "select",
    {
      "aria-label": placeholder,
      disabled: Boolean(part.disabled),
      "data-testid": "component-select",
      "data-custom-id": part.custom_id,
    },
    make(
      "option",
      { value: "", disabled: true, selected: !options.some((option) => option.selected) },
      placeholder,
    ),
    options,
  );
  menu.addEventListener("change", () => choose(menu, part, [menu.value], handlers));
  return menu;
}

// A refused choice was not made: draw the menu again as the message has it.
async function choose(menu, part, values, handlers) {
  if (await handlers.select(part, values)) return;
  const redrawn = select(part, handlers);
  redrawn.toggleAttribute("open", menu.hasAttribute("open"));
  menu.replaceWith(redrawn);
}

function multiSelect(part, handlers) {
  const boxes = selectOptions(part).map((choice) => {
    const box = make("input", { type: "checkbox", value: choice.value, checked: Boolean(choice.default) });
    return make(
      "label",
      {},
      box,
      make("span", {}, choice.label, choice.description ? make("small", {}, ` ${choice.description}`) : null),
    );
  });
  const send = make("button", { type: "button", class: "button small primary" }, "Choose");
  const root = make(
    "details",
    { class: "multi", "data-testid": "component-select", "data-custom-id": part.custom_id },
    make("summary", {}, part.placeholder ?? "Make a selection"),
    make("div", { class: "choices" }, boxes, send),
  );
  send.addEventListener("click", () => {
    const chosen = [...root.querySelectorAll("input:checked")].map((box) => box.value);
    choose(root, part, chosen, handlers);
  });
  if (part.max_values === 1)
    root.addEventListener("change", ({ target }) => {
      for (const box of root.querySelectorAll("input:checked")) box.checked = box === target;
    });
  return root;
}

export function renderFile(name, address, size) {
  const href = safeUrl(address);
  const kilobytes = size ? `${Math.max(1, Math.round(size / 1024)).toLocaleString()} kB` : "";
  return make(
    "div",
    { class: "file", "data-testid": "file" },
    make("a", { href, download: name }, name),
    make("span", { class: "muted" }, kilobytes),
  );
}
