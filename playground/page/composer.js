// The message box: plain messages, files, and the picker of slash commands.

import { postJson } from "./api.js";
import { CommandForm } from "./commandform.js";
import { byId, make } from "./dom.js";
import { localized, currentChannel, state } from "./state.js";

export class Composer {
  constructor({ sendCommand, showError }) {
    this.form = byId("composer");
    this.sendCommand = sendCommand;
    this.showError = showError;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.reset();
  }

  reset() {
    this.command = null;
    this.files = [];
    this.text = make("textarea", {
      rows: "1",
      dir: "auto",
      "aria-label": "Message",
      "data-testid": "message-input",
      "aria-controls": "picker",
      "aria-autocomplete": "list",
    });
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.picker = make("div", {
      class: "popover",
      id: "picker",
      role: "listbox",
      "aria-label": "Commands",
      "data-testid": "picker",
      hidden: true,
    });
    const file = make("input", {
      type: "file",
      multiple: true,
      hidden: true,
      "data-testid": "file-input",
      "aria-label": "Files to send",
    });
    file.addEventListener("change", () => this.attach([...file.files]));
    this.chips = make("div", {});
    this.form.replaceChildren(
      this.picker,
      this.chips,
      make(
        "div",
        { class: "line" },
        make(
          "button",
          { type: "button", class: "icon-button", "aria-label": "Attach files", onclick: () => file.click() },
          "+",
        ),
        file,
        this.text,
        make(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Commands",
            "data-testid": "open-picker",
            onclick: () => this.startCommand(),
          },
          "/",
        ),
        make("button", { type: "submit", class: "button primary", "data-testid": "send" }, "Send"),
      ),
    );
    this.updatePlaceholder();
  }

  updatePlaceholder() {
    this.text.placeholder = currentChannel()?.type === 15 ? "Choose a post to write in" : "Message, or / for commands";
  }

  startCommand() {
    this.text.value = "/";
    this.text.focus();
    this.typed();
  }

  attach(files) {
    this.files = files;
    this.chips.replaceChildren(
      ...files.map((file) => make("div", { class: "file-chip" }, `With ${file.name}`)),
    );
  }

  typed() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 240)}px`;
    if (this.text.value.startsWith("/")) this.pick(this.text.value.slice(1).toLowerCase());
    else this.picker.hidden = true;
  }

  // The bot registered its commands while the picker was open.
  commandsChanged() {
    if (!this.command && !this.picker.hidden) this.typed();
  }

  pick(typed) {
    const fitting = entries().filter((entry) => entry.name.includes(typed.trim()));
    fitting.sort((a, b) => Number(b.name.startsWith(typed)) - Number(a.name.startsWith(typed)));
    this.found = fitting;
    this.chosen = 0;
    const rows = fitting.map((entry) =>
      make(
        "button",
        {
          type: "button",
          class: "option",
          role: "option",
          tabindex: "-1",
          "data-testid": "command",
          "data-command": entry.name,
          onclick: () => this.choose(entry),
        },
        `/${entry.name}`,
        make("small", {}, entry.description),
      ),
    );
    const none = state.world?.bot.online ? "No command fits." : "No command fits. The bot is not connected.";
    this.picker.replaceChildren(...(rows.length ? rows : [make("p", { class: "empty" }, none)]));
    this.picker.hidden = false;
    this.mark();
  }

  mark() {
    [...this.picker.children].forEach((child, index) => {
      if (child.role === "option") child.setAttribute("aria-selected", String(index === this.chosen));
    });
    this.picker.children[this.chosen]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const picking = !this.picker.hidden;
    if (picking && ["ArrowDown", "ArrowUp"].includes(event.key) && this.found.length) {
      this.chosen =
        (this.chosen + (event.key === "ArrowDown" ? 1 : -1) + this.found.length) % this.found.length;
      this.mark();
    } else if (picking && ["Enter", "Tab"].includes(event.key) && this.found.length)
      this.choose(this.found[this.chosen]);
    else if (picking && event.key === "Escape") this.picker.hidden = true;
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.form.requestSubmit();
    else return;
    event.preventDefault();
  }

  choose(entry) {
    this.command = new CommandForm(entry, { cancel: () => this.cancel() });
    this.form.replaceChildren(this.command.overlay, this.command.root);
  }

  cancel() {
    this.reset();
    this.text.focus();
  }

  async submit() {
    try {
      if (this.command) {
        const { values, files } = this.command.values();
        await this.sendCommand(this.command.entry.name, values, files);
      } else {
        const content = this.text.value.trim();
        if (!content && !this.files.length) return;
        await postJson("say", { as: state.person, channel: state.channel, content }, this.files);
      }
      this.cancel();
    } catch (error) {
      this.showError(error);
    }
  }
}

// Every slash command, with a line of its own for each subcommand.
function entries() {
  return state.commands
    .filter((command) => command.type === 1)
    .flatMap((command) => spread(command.name, command));
}

function spread(name, node) {
  const options = node.options ?? [];
  if (!options.some((option) => option.type <= 2)) return [{ name, description: localized(node, "description"), options }];
  return options.flatMap((option) => spread(`${name} ${option.name}`, option));
}
