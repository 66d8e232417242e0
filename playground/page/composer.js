// The message box: plain messages, files, and the list of slash commands.

import { postJson } from "./api.js";
import { CommandForm } from "./commandform.js";
import { commandBeforeSpace, commandEntries, commandQuery, findCommands } from "./commandtext.js";
import { byId, make } from "./dom.js";
import { ListBox } from "./listbox.js";
import { currentChannel, state, userName } from "./state.js";

const MAX_HEIGHT = 240; // pixels of the message box

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
    this.text = make("textarea", { rows: "1", dir: "auto", "aria-label": "Message", "data-testid": "message-input" });
    this.picker = new ListBox(this.text, {
      id: "picker",
      label: "Commands",
      testid: "picker",
      rowTestid: "command",
      onPick: (row) => this.openForm(row.entry, row.rest),
    });
    this.text.addEventListener("input", ({ isComposing }) => this.update({ isComposing }));
    this.text.addEventListener("compositionend", () => this.update());
    this.text.addEventListener("keydown", (event) => this.handleKey(event));
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
      this.picker.root,
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
            onclick: () => this.write("/"),
          },
          "/",
        ),
        make("button", { type: "submit", class: "button primary", "data-testid": "send" }, "Send"),
      ),
    );
    this.updatePlaceholder();
  }

  updatePlaceholder() {
    this.text.placeholder = currentChannel()?.type === 15 ? "Choose a post to write in" : "Message, or /command";
  }

  // Replaces what is in the box, as if somebody had typed `text`.
  write(text) {
    if (this.command) this.reset();
    this.text.value = text;
    this.text.focus();
    this.update();
  }

  focus() {
    if (this.command) this.command.focus();
    else this.text.focus();
  }

  attach(files) {
    this.files = files;
    this.chips.replaceChildren(
      ...files.map((file) => make("div", { class: "file-chip" }, `With ${file.name}`)),
    );
  }

  // The text changed: a command that is named in full opens its form, the beginning of one lists what it may be.
  update({ isComposing = false, isSubmitted = false } = {}) {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, MAX_HEIGHT)}px`;
    const query = commandQuery(this.text.value);
    if (query === null) return this.picker.clear();
    const entries = commandEntries(state.commands);
    const named = isComposing ? null : commandBeforeSpace(entries, query);
    if (named) return this.openForm(named.entry, named.rest, { isTyping: true });
    const { matches, approximate } = findCommands(entries, query);
    const rows = matches.map(({ entry, rest }) => ({
      label: `/${entry.name}`,
      detail: entry.description,
      data: { "data-command": entry.name },
      entry,
      rest,
    }));
    const missing = rows.length && !approximate ? null : missingCommand(query, rows.length > 0);
    return this.picker.show(rows, { [isSubmitted ? "problem" : "note"]: missing, active: 0 });
  }

  // The bot registered its commands while somebody was typing.
  commandsChanged() {
    if (!this.command) this.update();
  }

  handleKey(event) {
    if (this.picker.handleKey(event)) event.preventDefault();
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.form.requestSubmit();
    }
  }

  openForm(entry, text, { isTyping = false } = {}) {
    this.command = new CommandForm(entry, text, {
      isTyping,
      onCancel: () => this.cancel(),
      onBackspace: () => this.cancel(`/${entry.name}`),
      showError: this.showError,
    });
    this.form.replaceChildren(this.command.overlay, this.command.root);
    this.command.focus();
  }

  // Back to the message box.
  cancel(text = "") {
    this.reset();
    this.write(text);
  }

  async submit() {
    try {
      if (this.command) {
        const files = [];
        const values = this.command.values(files);
        await this.sendCommand(this.command.entry.name, values, files);
      } else if (!(await this.submitText())) return;
      this.cancel();
    } catch (error) {
      this.showError(error);
    }
  }

  // Whether the message was sent. What begins like a command never becomes a message.
  async submitText() {
    const query = commandQuery(this.text.value);
    if (query !== null) {
      this.update({ isSubmitted: true });
      const [best] = this.picker.rows;
      if (best && !this.command) this.openForm(best.entry, best.rest);
      return false;
    }
    const content = this.text.value.trim();
    if (!content && !this.files.length) return false;
    await postJson("say", { as: state.person, channel: state.channel, content }, this.files);
    return true;
  }
}

// Why nothing with this name can be picked.
function missingCommand(query, hasAlternatives) {
  const words = query.trim().toLowerCase().split(/\s+/);
  const name = words.map((_, index) => words.slice(0, index + 1).join(" ")).find((one) => state.unavailable[one]);
  if (name) return `/${name} is not offered to ${userName(state.person)} here: ${state.unavailable[name]}.`;
  if (!state.commands.length && !state.world?.bot.online) return "There are no commands: the bot is not connected.";
  const typed = `There is no command /${words[0]} here.`;
  if (hasAlternatives) return `${typed} Did you mean:`;
  return `${typed} Type / to see all commands, or begin with a space to post the text as a message.`;
}
