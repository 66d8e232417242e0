// The list of messages in a channel: fetches, draws, keeps the end in view.

import { getJson } from "./api.js";
import { commandBeforeSpace, commandEntries, commandQuery } from "./commandtext.js";
import { byId, focusComponent, focusedComponent, make } from "./dom.js";
import { renderMessage } from "./message.js";
import { currentChannel, state } from "./state.js";

const IMAGE_DECODE_MS = 500; // milliseconds an edited message waits for its pictures

function isOwn(one) {
  return one.author.id === state.person || one.interaction_metadata?.user?.id === state.person;
}

export class MessageList {
  constructor(actions, { onSuggestion }) {
    this.root = byId("messages");
    this.actions = actions;
    this.onSuggestion = onSuggestion;
    this.revisions = new Map(); // id -> revision drawn
    this.root.addEventListener("load", () => this.atEnd && this.scrollToEnd(), true); // pictures change the height
    this.root.addEventListener("scroll", () => {
      this.atEnd = this.isNearEnd();
    });
    new ResizeObserver(() => this.atEnd && this.scrollToEnd()).observe(this.root); // a growing message box takes height away
    this.atEnd = true;
  }

  open() {
    const loading = this.load();
    this.opening = loading.catch(() => null);
    return loading;
  }

  async load() {
    const channel = state.channel;
    const { messages } = await getJson("messages", { as: state.person, channel });
    if (channel !== state.channel) return;
    this.revisions.clear();
    this.start = make("div", { class: "start" });
    this.root.replaceChildren(this.start);
    for (const one of messages) this.upsert(one);
    this.updateStart();
    this.scrollToEnd();
  }

  // The words above the first message. An empty channel suggests commands that work here, ready to be sent.
  updateStart() {
    const entries = commandEntries(state.commands);
    const lines = this.revisions.size ? [] : state.world.suggestions;
    const usable = lines.filter((line) => commandBeforeSpace(entries, `${commandQuery(line)} `));
    this.start?.replaceChildren(
      `This is the start of ${currentChannel()?.name ?? "this channel"}. ${startHint(entries)}`,
      ...(usable.length ? [make("div", {}, "For a start, press one of these, and then Send:")] : []),
      make("div", { class: "suggestions" }, usable.map((line) => this.renderSuggestion(line))),
    );
  }

  renderSuggestion(line) {
    return make(
      "button",
      { type: "button", class: "button", "data-testid": "suggested-command", onclick: () => this.onSuggestion(line) },
      line,
    );
  }

  // The list on its way was read before this message, and would take it away again: first the list.
  async refresh(id) {
    const [{ message }] = await Promise.all([getJson(`messages/${id}`, { as: state.person }), this.opening]);
    if (message && message.channel_id === state.channel) this.upsert(message);
  }

  upsert(one) {
    const old = this.find(one.id);
    if (old && this.revisions.get(one.id) > one.revision) return;
    this.revisions.set(one.id, one.revision);
    const element = renderMessage(one, this.actions);
    if (old) this.replace(element, one);
    else {
      this.updateStart();
      const keepAtEnd = this.atEnd || isOwn(one); // who did something sees what came of it, however far up they were
      this.insert(element, one.id);
      if (keepAtEnd) this.scrollToEnd();
    }
  }

  // An edited message takes the place of the old one once its pictures are there, so that a live preview does not flicker.
  async replace(element, one) {
    const pictures = [...element.querySelectorAll("img")].slice(0, 10);
    for (const image of pictures) image.loading = "eager";
    const decoded = Promise.all(pictures.map((image) => image.decode().catch(() => null)));
    if (pictures.length) await Promise.race([decoded, new Promise((resolve) => setTimeout(resolve, IMAGE_DECODE_MS))]);
    const old = this.find(one.id);
    if (!old || this.revisions.get(one.id) !== one.revision) return; // deleted, or edited again meanwhile
    const keepAtEnd = this.atEnd;
    const focusedId = focusedComponent(old) ?? old.focusedId;
    old.replaceWith(element);
    focusComponent(element, focusedId);
    if (keepAtEnd) this.scrollToEnd();
  }

  insert(element, id) {
    const later = [...this.root.querySelectorAll(":scope > [data-message-id]")].find(
      (other) => BigInt(other.dataset.messageId) > BigInt(id),
    );
    this.root.insertBefore(element, later ?? null);
  }

  remove(id) {
    this.find(id)?.remove();
    this.revisions.delete(id);
    this.updateStart();
  }

  find(id) {
    return this.root.querySelector(`:scope > [data-message-id="${id}"]`);
  }

  isNearEnd() {
    return this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < 80;
  }

  scrollToEnd() {
    this.root.scrollTop = this.root.scrollHeight;
    this.atEnd = true;
  }
}

function startHint(entries) {
  const { username, online } = state.world.bot;
  if (entries.length) return `Type / to see what ${username} does.`;
  if (online) return `${username} offers no commands here.`;
  return `${username} is not connected: start it with the API address and the token that the playground has printed.`;
}
