// The interactions that the person starts: commands, buttons, modals, and their failures.

import { order } from "./api.js";
import { byId, make } from "./dom.js";
import { openModal } from "./modal.js";
import { state } from "./state.js";

const NOT_IN_TIME = "The application did not respond.";

export class Actions {
  constructor() {
    this.open = new Map(); // interaction id -> where to show a failure, or null for the notice line
    this.early = new Map(); // events that came before we knew our own interaction's id
  }

  async start(path, body, files, failureAt = null) {
    const { interaction } = await order(path, { as: state.person, ...body }, files);
    this.open.set(interaction, failureAt);
    const event = this.early.get(interaction);
    if (event) this.heard(event);
  }

  // An interaction of this person changed; another page of theirs may have started it.
  heard(event) {
    if (!this.open.has(event.id)) {
      this.early.set(event.id, event);
      if (this.early.size > 50) this.early.delete(this.early.keys().next().value);
      return;
    }
    if (event.failed) this.showFailure(this.open.get(event.id));
    if (event.failed || event.answer_type !== null) this.open.delete(event.id);
    if (event.modal)
      openModal(event.modal, (values, files) =>
        this.start("modal", { interaction: event.id, values }, files),
      );
  }

  showFailure(root) {
    if (!root) return complain(new Error(NOT_IN_TIME));
    root.querySelector(".failure")?.remove();
    const failure = make(
      "div",
      { class: "failure", role: "alert", "data-testid": "did-not-respond" },
      NOT_IN_TIME,
    );
    root.querySelector(".body").append(failure);
    failure.scrollIntoView({ block: "nearest" });
  }

  async attempt(work, element = null) {
    if (element) element.disabled = true;
    try {
      await work();
    } catch (error) {
      complain(error);
    } finally {
      if (element) element.disabled = false;
    }
  }

  command(name, options, files) {
    return this.start("command", { channel: state.channel, name, options }, files);
  }

  press(message, part, element, root) {
    return this.attempt(
      () => this.start("press", { message: message.id, custom_id: part.custom_id }, [], root),
      element,
    );
  }

  select(message, part, values, element, root) {
    return this.attempt(
      () => this.start("select", { message: message.id, custom_id: part.custom_id, values }, [], root),
      element,
    );
  }

  menuCommand(message, command) {
    return this.attempt(() => this.start("message-command", { message: message.id, name: command.name }, []));
  }

  remove(message) {
    return this.attempt(() => order("delete", { as: state.person, message: message.id }));
  }
}

let noticeTimer;

export function complain(error) {
  const notice = byId("notice");
  notice.textContent = error.message;
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => {
    notice.hidden = true;
  }, 8000);
}
