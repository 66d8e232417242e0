// The form of a chosen slash command: a field per option, suggestions while one types.

import { postJson, waitForInteraction } from "./api.js";
import { make } from "./dom.js";
import { currentGuild, localized, state } from "./state.js";

const [STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT] = [
  3, 4, 5, 6, 7, 8, 9, 10, 11,
];
const NO_DESCRIPTION = "…"; // what discord.py sends when nobody described an option
const PAUSE = 180; // milliseconds without a key before suggestions are asked for

export class CommandForm {
  constructor(entry, { cancel, send }) {
    this.entry = entry; // { name, description, options }
    this.fields = new Map(); // option name -> () => value
    this.files = [];
    this.grid = make("div", { class: "fields" });
    this.more = make("div", { class: "more", role: "group", "aria-label": "Optional" });
    this.root = make(
      "div",
      { class: "command", "data-testid": "command-form" },
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
            onclick: cancel,
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
    this.root.addEventListener("keydown", (event) => event.key === "Escape" && cancel());
    this.overlay = make("div", {}); // suggestions lie above the form, which may scroll
    this.send = send;
    for (const option of entry.options) this.offer(option);
    queueMicrotask(() => this.root.querySelector("input, select, textarea, .command-foot button")?.focus());
  }

  offer(option) {
    if (option.required) {
      this.add(option);
      return;
    }
    const button = make(
      "button",
      {
        type: "button",
        class: "button small",
        title: localized(option, "description"),
        "data-testid": "add-option",
        "data-option": option.name,
      },
      `+ ${option.name}`,
    );
    button.addEventListener("click", () => {
      button.remove();
      this.add(option).querySelector("input, select, textarea").focus();
    });
    this.more.append(button);
  }

  add(option) {
    const id = `option-${option.name}`;
    const control = this.control(option, id);
    const field = make(
      "div",
      {
        class: option.type === STRING && !option.choices?.length && option.required ? "field wide" : "field",
      },
      make("label", { for: id }, option.name + (option.required ? "" : " (optional)")),
      control,
      option.description === NO_DESCRIPTION
        ? null
        : make("p", { class: "hint", dir: "auto" }, localized(option, "description")),
    );
    if (option.autocomplete) new Suggestions(this, option, control);
    this.grid.append(field);
    return field;
  }

  control(option, id) {
    const shared = {
      id,
      "data-testid": "option-input",
      "data-option": option.name,
      required: Boolean(option.required),
    };
    const listed = localChoices(option);
    if (listed)
      return this.keep(
        option,
        make(
          "select",
          shared,
          make("option", { value: "" }, "—"),
          listed.map(([label, value]) => make("option", { value }, label)),
        ),
      );
    if (option.type === ATTACHMENT) return this.keepFile(option, make("input", { ...shared, type: "file" }));
    const numeric = option.type === INTEGER || option.type === NUMBER;
    const step = option.type === INTEGER ? "1" : "any";
    return this.keep(
      option,
      make("input", {
        ...shared,
        dir: "auto",
        type: numeric && !option.autocomplete ? "number" : "text",
        step: numeric ? step : null,
        min: asText(option.min_value),
        max: asText(option.max_value),
        minlength: asText(option.min_length),
        maxlength: asText(option.max_length),
      }),
    );
  }

  keep(option, element) {
    this.fields.set(
      option.name,
      () => element.dataset.value ?? (element.value === "" ? null : element.value),
    );
    return element;
  }

  keepFile(option, element) {
    this.fields.set(option.name, () =>
      element.files.length ? { file: String(this.files.push(element.files[0]) - 1) } : null,
    );
    return element;
  }

  values() {
    this.files = [];
    const given = [...this.fields]
      .map(([name, read]) => [name, read()])
      .filter(([, value]) => value !== null);
    return { values: Object.fromEntries(given), files: this.files };
  }
}

function asText(number) {
  return number === undefined || number === null ? null : String(number);
}

function localChoices(option) {
  if (option.choices?.length) return option.choices.map((choice) => [localized(choice, "name"), String(choice.value)]);
  const guild = currentGuild();
  const people = state.world.people.map((one) => [one.name, one.id]);
  const roles = (guild?.roles ?? []).map((one) => [one.name, one.id]);
  const channels = (guild?.channels ?? []).map((one) => [`#${one.name}`, one.id]);
  const yesNo = [
    ["Yes", "true"],
    ["No", "false"],
  ];
  return {
    [BOOLEAN]: yesNo,
    [USER]: people,
    [CHANNEL]: channels,
    [ROLE]: roles,
    [MENTIONABLE]: [...people, ...roles],
  }[option.type];
}

// Suggestions of the bot while one types into an option; free text may be sent all the same.
class Suggestions {
  constructor(form, option, input) {
    Object.assign(this, { form, option, input, turn: 0, chosen: -1 });
    this.box = make("div", {
      class: "popover",
      role: "listbox",
      id: `${input.id}-list`,
      "aria-label": `Suggestions for ${option.name}`,
      "data-testid": "suggestions",
      hidden: true,
    });
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-controls", this.box.id);
    input.setAttribute("aria-expanded", "false");
    input.addEventListener("input", () => {
      delete input.dataset.value;
      this.later();
    });
    input.addEventListener("focus", () => this.later());
    input.addEventListener("blur", () => setTimeout(() => this.hide(), 150));
    input.addEventListener("keydown", (event) => this.key(event));
    form.overlay.append(this.box);
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  async ask() {
    const turn = ++this.turn;
    const { values } = this.form.values();
    const body = {
      as: state.person,
      channel: state.channel,
      name: this.form.entry.name,
      focused: this.option.name,
      options: { ...values, [this.option.name]: this.input.value },
    };
    try {
      const { interaction } = await postJson("autocomplete", body);
      const choices = await waitForInteraction(interaction, (one) => one.choices ?? (one.failed ? [] : undefined), 3500);
      if (turn === this.turn && document.activeElement === this.input) this.show(choices ?? []);
    } catch {
      this.hide(); // suggestions are a help; sending the command will say what is wrong
    }
  }

  show(choices) {
    this.chosen = -1;
    this.box.replaceChildren(
      ...choices.map((choice) =>
        make(
          "button",
          {
            type: "button",
            class: "option",
            role: "option",
            tabindex: "-1",
            dir: "auto",
            "aria-selected": "false",
            "data-testid": "suggestion",
            onmousedown: (event) => event.preventDefault(),
            onclick: () => this.take(choice),
          },
          choice.name,
        ),
      ),
    );
    if (!choices.length) this.box.append(make("p", { class: "empty" }, "Nothing fits."));
    this.choices = choices;
    this.box.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
  }

  take(choice) {
    this.input.value = choice.name;
    this.input.dataset.value = String(choice.value);
    this.hide();
  }

  key(event) {
    if (this.box.hidden || !this.choices?.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const by = event.key === "ArrowDown" ? 1 : -1;
      this.chosen = (this.chosen + by + this.choices.length) % this.choices.length;
      [...this.box.children].forEach((child, index) =>
        child.setAttribute("aria-selected", String(index === this.chosen)),
      );
      this.box.children[this.chosen].scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && this.chosen >= 0) this.take(this.choices[this.chosen]);
    else if (event.key === "Escape") {
      this.hide();
      event.stopPropagation();
    } else return;
    event.preventDefault();
  }

  hide() {
    this.turn++;
    this.box.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}
