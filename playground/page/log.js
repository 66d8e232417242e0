// The list of messages in a channel: fetches, draws, keeps the end in view.

import { ask } from "./api.js";
import { byId, make } from "./dom.js";
import { message as drawMessage } from "./message.js";
import { place, state } from "./state.js";

const PATIENCE = 500; // milliseconds an edited message waits for its pictures

function mine(one) {
  return one.author.id === state.person || one.interaction_metadata?.user?.id === state.person;
}

export class Log {
  constructor(actions) {
    this.root = byId("messages");
    this.actions = actions;
    this.shown = new Map(); // id -> revision drawn
    this.root.addEventListener("load", () => this.pinned && this.toEnd(), true); // pictures change the height
    this.root.addEventListener("scroll", () => {
      this.pinned = this.nearEnd();
    });
    new ResizeObserver(() => this.pinned && this.toEnd()).observe(this.root); // a growing message box takes height away
    this.pinned = true;
  }

  async open() {
    const channel = state.channel;
    const { messages } = await ask("messages", { as: state.person, channel });
    if (channel !== state.channel) return;
    this.shown.clear();
    this.root.replaceChildren(
      make(
        "p",
        { class: "start" },
        `This is the start of ${place()?.name ?? "this channel"}. Type / to see what ${state.world.bot.username} does.`,
      ),
    );
    for (const one of messages) this.put(one);
    this.toEnd();
  }

  async refresh(id) {
    const { message } = await ask(`messages/${id}`, { as: state.person });
    if (message && message.channel_id === state.channel) this.put(message);
  }

  put(one) {
    const old = this.find(one.id);
    if (old && this.shown.get(one.id) > one.revision) return;
    this.shown.set(one.id, one.revision);
    const element = drawMessage(one, this.actions);
    if (old) this.exchange(element, one);
    else {
      const stay = this.pinned || mine(one); // who did something sees what came of it, however far up they were
      this.insert(element, one.id);
      if (stay) this.toEnd();
    }
  }

  // An edited message takes the place of the old one once its pictures are there, so that a live preview does not flicker.
  async exchange(element, one) {
    const pictures = [...element.querySelectorAll("img")].slice(0, 10);
    for (const image of pictures) image.loading = "eager";
    const ready = Promise.all(pictures.map((image) => image.decode().catch(() => null)));
    if (pictures.length) await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    const old = this.find(one.id);
    if (!old || this.shown.get(one.id) !== one.revision) return; // deleted, or edited again meanwhile
    const stay = this.pinned;
    const held = old.contains(document.activeElement) ? document.activeElement.dataset.customId : null;
    old.replaceWith(element);
    if (held) element.querySelector(`[data-custom-id="${CSS.escape(held)}"]`)?.focus();
    if (stay) this.toEnd();
  }

  insert(element, id) {
    const later = [...this.root.querySelectorAll(":scope > [data-message-id]")].find(
      (other) => BigInt(other.dataset.messageId) > BigInt(id),
    );
    this.root.insertBefore(element, later ?? null);
  }

  remove(id) {
    this.find(id)?.remove();
    this.shown.delete(id);
  }

  find(id) {
    return this.root.querySelector(`:scope > [data-message-id="${id}"]`);
  }

  nearEnd() {
    return this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < 80;
  }

  toEnd() {
    this.root.scrollTop = this.root.scrollHeight;
    this.pinned = true;
  }
}
