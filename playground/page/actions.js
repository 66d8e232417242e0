// The interactions that the person starts: commands, buttons, modals, and their failures.

import { postJson } from "./api.js";
import { byId, focusComponent, focusedComponent, make } from "./dom.js";
import { openModal } from "./modal.js";
import { state } from "./state.js";

const NO_RESPONSE = "The application did not respond.";

export class Actions {
  constructor() {
    this.failureTargets = new Map(); // interaction id -> where to show a failure, or null for the notice line
    this.earlyEvents = new Map(); // events that came before we knew our own interaction's id
  }

  async send(path, body, files, failureTarget = null) {
    const { interaction } = await postJson(path, { as: state.person, ...body }, files);
    this.failureTargets.set(interaction, failureTarget);
    const event = this.earlyEvents.get(interaction);
    if (event) this.handleEvent(event);
  }

  // An interaction of this person changed; another page of theirs may have started it.
  handleEvent(event) {
    if (!this.failureTargets.has(event.id)) {
      this.earlyEvents.set(event.id, event);
      if (this.earlyEvents.size > 50) this.earlyEvents.delete(this.earlyEvents.keys().next().value);
      return;
    }
    const root = this.failureTargets.get(event.id);
    if (event.failed) this.showFailure(root);
    if (event.failed || event.answer_type !== null) {
      this.failureTargets.delete(event.id);
      hold(root, false);
    }
    if (event.modal)
      openModal(event.modal, (values, files) =>
        this.send("modal", { interaction: event.id, values }, files),
      );
  }

  showFailure(root) {
    if (!root) return showError(new Error(NO_RESPONSE));
    root.querySelector(".failure")?.remove();
    const failure = make(
      "div",
      { class: "failure", role: "alert", "data-testid": "did-not-respond" },
      NO_RESPONSE,
    );
    root.querySelector(".body").append(failure);
    failure.scrollIntoView({ block: "nearest" });
  }

  // Whether the action was taken; shows why not.
  async perform(action, root = null) {
    hold(root, true);
    try {
      await action();
      return true;
    } catch (error) {
      hold(root, false);
      showError(error);
      return false;
    }
  }

  command(name, options, files) {
    return this.send("command", { channel: state.channel, name, options }, files);
  }

  press(message, part, root) {
    return this.perform(
      () => this.send("press", { message: message.id, custom_id: part.custom_id }, [], root),
      root,
    );
  }

  select(message, part, values, root) {
    return this.perform(
      () => this.send("select", { message: message.id, custom_id: part.custom_id, values }, [], root),
      root,
    );
  }

  menuCommand(message, command) {
    return this.perform(() => this.send("message-command", { message: message.id, name: command.name }, []));
  }

  remove(message) {
    return this.perform(() => postJson("delete", { as: state.person, message: message.id }));
  }
}

// As in Discord's client: after a component of a message was used, all of them are disabled until the answer.
function hold(root, waiting) {
  const parts = root?.querySelector("fieldset.parts");
  if (!parts) return;
  if (waiting) root.focusedId = focusedComponent(root); // a disabled element loses the focus
  parts.disabled = waiting;
  if (!waiting) focusComponent(root, root.focusedId);
}

let noticeTimer;

export function showError(error) {
  const notice = byId("notice");
  notice.textContent = error.message;
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => {
    notice.hidden = true;
  }, 8000);
}
