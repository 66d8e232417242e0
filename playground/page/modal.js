// The form that a bot, or the page itself, opens: text inputs, selects, files and checkboxes.

import { selectOptions } from "./components.js";
import { byId, make } from "./dom.js";
import { renderMarkdown } from "./markdown.js";

const [ROW, TEXT_INPUT, TEXT, UPLOAD, RADIO, CHECKBOXES, CHECKBOX] = [1, 4, 10, 19, 21, 22, 23];

export function openModal(modal, send) {
  const dialog = byId("modal");
  const fields = new Map(); // custom_id -> (files) => value
  const error = make("p", { class: "failure", role: "alert", "data-testid": "modal-error" });
  const form = make(
    "form",
    { class: modal.compact ? "compact" : null },
    make("h1", { id: "modal-title", dir: "auto" }, modal.title),
    modal.components.map((part) => renderTopLevel(part, fields)),
    error,
    make(
      "div",
      { class: "buttons" },
      make(
        "button",
        { type: "button", class: "button", "data-testid": "modal-cancel", onclick: () => dialog.close() },
        "Cancel",
      ),
      make("button", { type: "submit", class: "button primary", "data-testid": "modal-submit" }, modal.submit ?? "Submit"),
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const files = [];
    const values = Object.fromEntries([...fields].map(([id, read]) => [id, read(files)]));
    try {
      await send(values, files);
      if (form.isConnected) dialog.close(); // unless another form follows
    } catch (problem) {
      error.textContent = problem.message;
    }
  });
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  form.querySelector("input, textarea, select")?.focus();
}

function renderTopLevel(part, fields) {
  if (part.type === TEXT) return renderMarkdown(part.content);
  if (part.type === ROW) return field(part.components[0], part.components[0].label, null, fields);
  return field(part.component, part.label, part.description, fields);
}

function field(part, label, description, fields) {
  const id = `modal-${part.custom_id}`;
  const hint = description ? make("p", { class: "hint", dir: "auto" }, description) : null;
  const shared = {
    id,
    "data-testid": "modal-input",
    "data-custom-id": part.custom_id,
    required: part.required !== false,
  };
  if ([RADIO, CHECKBOXES].includes(part.type) || (part.type !== UPLOAD && part.max_values > 1))
    return group(part, label, hint, fields);
  if (part.type === CHECKBOX) {
    const box = make("input", {
      ...shared,
      required: false,
      type: "checkbox",
      checked: Boolean(part.default),
    });
    fields.set(part.custom_id, () => box.checked);
    return make("div", { class: "field" }, make("label", { class: "check" }, box, label), hint);
  }
  const control =
    part.type === TEXT_INPUT
      ? textInput(part, shared)
      : part.type === UPLOAD
        ? upload(part, shared, fields)
        : select(part, shared);
  if (part.type !== UPLOAD)
    fields.set(part.custom_id, () =>
      part.type === TEXT_INPUT ? control.value : control.value ? [control.value] : [],
    );
  return make("div", { class: "field" }, make("label", { for: id, dir: "auto" }, label), control, hint);
}

function textInput(part, shared) {
  const limits = {
    maxlength: String(part.max_length ?? 4000),
    minlength: part.min_length ? String(part.min_length) : null,
  };
  const look = { ...shared, ...limits, dir: "auto", placeholder: part.placeholder ?? null };
  const control =
    part.style === 2 ? make("textarea", { ...look, rows: "5" }) : make("input", { ...look, type: "text" });
  control.value = part.value ?? "";
  return control;
}

function select(part, shared) {
  const options = selectOptions(part).map((choice) =>
    make(
      "option",
      { value: choice.value, selected: Boolean(choice.default) },
      choice.label + (choice.description ? ` — ${choice.description}` : ""),
    ),
  );
  return make(
    "select",
    shared,
    make("option", { value: "" }, part.placeholder ?? "Make a selection"),
    options,
  );
}

function upload(part, shared, fields) {
  const control = make("input", {
    ...shared,
    required: part.required !== false,
    type: "file",
    multiple: (part.max_values ?? 1) > 1,
  });
  fields.set(part.custom_id, (files) => [...control.files].map((file) => String(files.push(file) - 1)));
  return control;
}

function group(part, label, hint, fields) {
  const kind = part.type === RADIO ? "radio" : "checkbox";
  const boxes = selectOptions(part).map((choice) => {
    const box = make("input", {
      type: kind,
      name: part.custom_id,
      value: choice.value,
      checked: Boolean(choice.default),
      "data-testid": "modal-choice",
    });
    return make(
      "label",
      { class: "check" },
      box,
      make(
        "span",
        { dir: "auto" },
        choice.label,
        choice.description ? make("small", { class: "muted" }, ` ${choice.description}`) : null,
      ),
    );
  });
  const root = make(
    "fieldset",
    { "data-testid": "modal-input", "data-custom-id": part.custom_id },
    make("legend", { dir: "auto" }, label),
    boxes,
    hint,
  );
  fields.set(part.custom_id, () => [...root.querySelectorAll("input:checked")].map((box) => box.value));
  return make("div", { class: "field" }, root);
}
