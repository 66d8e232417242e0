// The field of one option of a command: reads, checks and suggests values.

import { postJson, waitForInteraction } from "./api.js";
import { OptionType } from "./commandtext.js";
import { make } from "./dom.js";
import { ListBox } from "./listbox.js";
import { currentGuild, localized, state } from "./state.js";

const NO_DESCRIPTION = "…"; // what discord.py sends when nobody described an option
const DEBOUNCE_MS = 180; // without a key before suggestions are asked for
const MAX_HEIGHT = 160; // pixels of a field for free text

export class OptionField {
  // `form` tells the values of the other options, on which suggestions may depend.
  constructor(option, form) {
    this.option = option;
    this.form = form;
    this.choices = localChoices(option);
    this.control = this.createControl();
    this.control.addEventListener("input", () => this.changed());
    this.root = make(
      "div",
      { class: this.isFreeText && option.required ? "field wide" : "field" },
      make("label", { for: this.control.id }, option.name + (option.required ? "" : " (optional)")),
      this.control,
      option.description !== NO_DESCRIPTION && make("p", { class: "hint", dir: "auto" }, localized(option, "description")),
    );
    if (this.choices || option.autocomplete) this.addSuggestions();
    this.check();
  }

  get isFreeText() {
    return this.option.type === OptionType.STRING && !this.choices && !this.option.autocomplete;
  }

  get isNumber() {
    return [OptionType.INTEGER, OptionType.NUMBER].includes(this.option.type);
  }

  get isEmpty() {
    return this.control.value === "";
  }

  createControl() {
    const { option } = this;
    const shared = {
      id: `option-${option.name}`,
      "data-testid": "option-input",
      "data-option": option.name,
      required: Boolean(option.required),
    };
    if (option.type === OptionType.ATTACHMENT) return make("input", { ...shared, type: "file" });
    const look = {
      ...shared,
      dir: "auto",
      minlength: asText(option.min_length),
      maxlength: asText(option.max_length),
      autocomplete: "off",
    };
    if (this.isFreeText) return make("textarea", { ...look, rows: "1" });
    const keyboard = { [OptionType.INTEGER]: "numeric", [OptionType.NUMBER]: "decimal" }[option.type] ?? "text";
    return make("input", { ...look, type: "text", inputmode: keyboard });
  }

  addSuggestions() {
    const { control, option } = this;
    this.suggestions = new ListBox(control, {
      id: `${control.id}-list`,
      label: `Suggestions for ${option.name}`,
      testid: "suggestions",
      rowTestid: "suggestion",
      onPick: (row) => this.pick(row),
    });
    control.setAttribute("role", "combobox");
    control.addEventListener("focus", () => this.suggest());
    control.addEventListener("blur", () => this.closeSuggestions());
  }

  // Puts in a text that was typed or pasted elsewhere.
  write(text) {
    this.control.value = text.replace(/\s+/g, " ");
    this.changed({ suggest: false });
  }

  focus() {
    this.control.focus();
    if (this.control.type === "file") return;  // it has no selection, and asking for one throws
    this.control.setSelectionRange(this.control.value.length, this.control.value.length);
  }

  // A field for free text grows with it, once the browser lays it out.
  resize() {
    if (this.control.tagName !== "TEXTAREA" || !this.control.isConnected) return;
    this.control.style.height = "auto";
    this.control.style.height = `${Math.min(this.control.scrollHeight + 2, MAX_HEIGHT)}px`;
  }

  changed({ suggest = true } = {}) {
    this.picked = undefined;
    this.resize();
    this.check();
    if (suggest) this.suggest({ typed: true });
  }

  // Tells the browser what is wrong, so that the form is not sent and the field says why.
  check() {
    this.control.setCustomValidity(this.isEmpty ? "" : this.problem());
  }

  problem() {
    const { option } = this;
    if (this.picked !== undefined || option.type === OptionType.ATTACHMENT) return "";
    if (this.choices) return this.findChoice() ? "" : `${option.name} takes one of the choices in its list.`;
    if (!this.isNumber) return "";
    const isInteger = option.type === OptionType.INTEGER;
    const pattern = isInteger ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)$/;
    if (!pattern.test(this.control.value.trim())) return `${option.name} takes a ${isInteger ? "whole " : ""}number.`;
    const number = Number(this.control.value);
    const { min_value: min = -Infinity, max_value: max = Infinity } = option;
    return number >= min && number <= max ? "" : `${option.name} takes a number from ${min} to ${max}.`;
  }

  // The choice that was typed: by its name, its value, or as a mention.
  findChoice() {
    const typed = plain(this.control.value);
    return this.choices?.find((choice) => choice.keys.some((key) => plain(key) === typed));
  }

  // The value to send, null for none; a file is added to `files`.
  value(files) {
    if (this.isEmpty) return null;
    if (this.option.type === OptionType.ATTACHMENT) return { file: String(files.push(this.control.files[0]) - 1) };
    if (this.picked !== undefined) return this.picked;
    return this.findChoice()?.value ?? this.control.value.trim();
  }

  suggest({ typed = false } = {}) {
    if (!this.suggestions) return;
    clearTimeout(this.timer);
    if (this.choices) this.showSuggestions(this.fittingChoices(typed), typed);
    else this.timer = setTimeout(() => this.requestSuggestions(typed), DEBOUNCE_MS);
  }

  fittingChoices(typed) {
    const wanted = plain(this.control.value);
    const fitting = this.choices.filter((choice) => choice.keys.some((key) => plain(key).includes(wanted)));
    return typed ? fitting : this.choices;
  }

  async requestSuggestions(typed) {
    const request = (this.request = {});
    const { name } = this.option;
    const others = Object.entries(this.form.values([])).filter(([, value]) => typeof value === "string"); // no files
    const options = { ...Object.fromEntries(others), [name]: this.control.value };
    const body = { as: state.person, channel: state.channel, name: this.form.entry.name, focused: name, options };
    try {
      const { interaction } = await postJson("autocomplete", body);
      const accept = (one) => (request === this.request ? one.choices ?? (one.failed ? [] : undefined) : []);
      const choices = await waitForInteraction(interaction, accept);
      if (request === this.request) this.showSuggestions(choices, typed);
    } catch {
      this.closeSuggestions(); // suggestions are a help; sending the command will say what is wrong
    }
  }

  // Enter picks the first suggestion for what was typed. It sends the command when a suggestion was typed in full,
  // or when somebody only looks into the field.
  showSuggestions(choices, typed) {
    if (document.activeElement !== this.control) return;
    const rows = choices.map((choice) => ({ label: choice.label ?? choice.name, value: String(choice.value) }));
    const same = rows.find((row) => plain(row.label) === plain(this.control.value));
    if (same) this.picked = same.value;
    const active = typed && !this.isEmpty && !same && !this.findChoice() ? 0 : -1;
    this.suggestions.show(rows, { note: rows.length ? null : "Nothing fits.", active });
  }

  closeSuggestions() {
    clearTimeout(this.timer);
    this.request = undefined;
    this.suggestions?.clear();
  }

  pick(row) {
    this.control.value = row.label;
    this.changed({ suggest: false });
    this.picked = row.value;
    this.check();
    this.closeSuggestions();
  }
}

function asText(number) {
  return number === undefined || number === null ? null : String(number);
}

// For comparing: without case, and without the marks of a mention.
function plain(text) {
  return text.trim().replace(/^[@#]|^<[@#][!&]?|>$/g, "").toLowerCase();
}

// The values of an option that has a fixed list of them: { label, value, keys }, else null.
function localChoices(option) {
  const yesNo = [choice("Yes", "true"), choice("No", "false")];
  const people = state.world.people.map((one) => choice(one.name, one.id, one.username));
  const roles = (currentGuild()?.roles ?? []).map((one) => choice(one.name, one.id));
  const channels = (currentGuild()?.channels ?? []).map((one) => choice(`#${one.name}`, one.id));
  if (option.choices?.length)
    return option.choices.map((one) => choice(localized(one, "name"), String(one.value), one.name));
  return (
    {
      [OptionType.BOOLEAN]: yesNo,
      [OptionType.USER]: people,
      [OptionType.CHANNEL]: channels,
      [OptionType.ROLE]: roles,
      [OptionType.MENTIONABLE]: [...people, ...roles],
    }[option.type] ?? null
  );
}

function choice(label, value, ...aliases) {
  return { label, value, keys: [label, value, ...aliases] };
}
