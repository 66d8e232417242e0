// The form of a chosen slash command: a field for each option in use, and a button for each other option.

import { OptionType, defaultOption, parseOptions } from "./commandtext.js";
import { make } from "./dom.js";
import { OptionField } from "./optionfield.js";
import { localized } from "./state.js";

export class CommandForm {
  // `text` follows the command's name: "a red star steps:20". Who is typing has a field to go on in.
  constructor(entry, text, { isTyping, onCancel, onBackspace, showError }) {
    this.entry = entry; // { name, description, options }
    this.onBackspace = onBackspace;
    this.fields = new Map(); // option name -> OptionField, in the order in which they stand
    this.grid = make("div", { class: "fields" });
    this.more = make("div", { class: "more", role: "group", "aria-label": "Options" });
    this.overlay = make("div", {}); // suggestions lie above the form, which may scroll
    this.root = make(
      "div",
      { class: "command", "data-testid": "command-form", tabindex: "-1", role: "group", "aria-label": `/${entry.name}` },
      make(
        "div",
        { class: "command-head" },
        make("b", {}, `/${entry.name}`),
        make("span", { class: "muted" }, entry.description),
        make(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Cancel the command",
            "data-testid": "command-cancel",
            onclick: () => onCancel(),
          },
          "✕",
        ),
      ),
      this.grid,
      this.more,
      make(
        "div",
        { class: "command-foot" },
        make("button", { type: "submit", class: "button primary", "data-testid": "command-send" }, "Send"),
      ),
    );
    this.root.addEventListener("keydown", (event) => this.handleKey(event, onCancel));
    for (const option of entry.options) {
      if (option.required) this.field(option);
      else this.more.append(this.addButton(option));
    }
    this.read(text, showError);
    const target = defaultOption(entry.options);
    if (isTyping && !this.fields.size && target) this.field(target);
  }

  addButton(option) {
    return make(
      "button",
      {
        type: "button",
        class: "button small",
        title: localized(option, "description"),
        "data-testid": "add-option",
        "data-option": option.name,
        onclick: () => this.field(option).focus(),
      },
      `+ ${option.name}`,
    );
  }

  // The field of an option, which appears when it is asked for first.
  field(option) {
    const shown = this.fields.get(option.name);
    if (shown) return shown;
    const field = new OptionField(option, this);
    this.fields.set(option.name, field);
    this.grid.append(field.root);
    if (field.suggestions) this.overlay.append(field.suggestions.root);
    this.more.querySelector(`[data-option="${CSS.escape(option.name)}"]`)?.remove();
    field.control.addEventListener("input", (event) => this.moveOptions(field, event));
    field.control.addEventListener("keydown", (event) => this.handleFieldKey(field, event));
    return field;
  }

  // Takes away the field of an option that is not needed.
  remove(field) {
    this.fields.delete(field.option.name);
    field.root.remove();
    field.suggestions?.root.remove();
    const optional = this.entry.options.filter((option) => !this.fields.has(option.name));
    this.more.replaceChildren(...optional.map((option) => this.addButton(option)));
  }

  // Puts text that follows the command's name into the options.
  read(text, showError) {
    const { text: unnamed, values } = parseOptions(this.entry.options, text);
    const target = defaultOption(this.entry.options, values);
    if (unnamed && target) values.set(target.name, unnamed);
    else if (unnamed) showError(new Error(`/${this.entry.name} takes no text, so “${unnamed}” was left out.`));
    for (const [name, value] of values) this.field(this.option(name)).write(value);
  }

  option(name) {
    return this.entry.options.find((option) => option.name === name);
  }

  // "steps:" at the end of a field, or "steps:20" in what is pasted, goes on in the field of that option.
  moveOptions(field, event) {
    const { control, option } = field;
    if (event.isComposing || option.type === OptionType.ATTACHMENT) return;
    const isTyping = event.inputType?.startsWith("delete") || event.data?.length === 1;
    if (isTyping && !(control.value.endsWith(":") && control.selectionEnd === control.value.length)) return;
    const { text, values } = parseOptions(this.entry.options, control.value);
    if (!values.size) return;
    const own = values.get(option.name) ?? ""; // its own name stands before its value
    values.delete(option.name);
    field.write(`${text} ${own}`.trim());
    field.closeSuggestions();
    for (const [name, value] of values) {
      const other = this.field(this.option(name));
      if (value) other.write(value);
      other.focus();
    }
  }

  // Puts the focus where typing goes on: on what is missing, else on what was typed.
  focus() {
    const fields = [...this.fields.values()];
    for (const field of fields) field.resize();
    const target = defaultOption(this.entry.options);
    const next = fields.find((field) => field.option.required && field.isEmpty) ?? this.fields.get(target?.name) ?? fields[0];
    (next ?? this.root).focus();
  }

  // Without a field the form has the focus itself: what is typed opens the first option that takes text.
  handleKey(event, onCancel) {
    if (event.key === "Escape") onCancel();
    if (event.target !== this.root || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") this.root.closest("form").requestSubmit();
    else if (event.key === "Backspace") this.onBackspace();
    else if (event.key.length === 1) {
      const target = defaultOption(this.entry.options);
      if (target) this.field(target).focus(); // the key goes there
      return;
    } else return;
    event.preventDefault();
  }

  handleFieldKey(field, event) {
    if (field.suggestions?.handleKey(event)) {
      if (event.key !== "Tab") event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Enter" && field.control.tagName === "TEXTAREA" && !event.isComposing) {
      event.preventDefault();
      this.root.closest("form").requestSubmit();
    } else if (event.key === "Backspace" && field.isEmpty && !event.repeat && !event.isComposing) {
      event.preventDefault();
      this.backspace(field);
    }
  }

  // Backspace in an empty field goes back to the field before it, or to the name of the command.
  backspace(field) {
    const fields = [...this.fields.values()];
    const index = fields.indexOf(field);
    if (!field.option.required) this.remove(field);
    if (index > 0) fields[index - 1].focus();
    else if (field.option.required) this.onBackspace();
    else this.focus();
  }

  // The values by option name; `files` receives what is uploaded.
  values(files) {
    const given = [...this.fields.values()].map((field) => [field.option.name, field.value(files)]);
    return Object.fromEntries(given.filter(([, value]) => value !== null));
  }
}
