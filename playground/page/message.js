// Draws one message.

import { renderComponent } from "./components.js";
import { make, shortTime } from "./dom.js";
import { renderAttachments, renderEmbed } from "./embeds.js";
import { renderMarkdown } from "./markdown.js";
import { attachMenu } from "./menu.js";
import { currentChannel, localized, state, userName } from "./state.js";

export function renderMessage(one, actions) {
  const root = make("article", {
    class: one.ephemeral ? "message ephemeral" : "message",
    "data-testid": "message",
    "data-message-id": one.id,
    "aria-label": `Message from ${one.author_name}`,
  });
  const handlers = {
    press: (part) => actions.press(one, part, root),
    select: (part, values) => actions.select(one, part, values, root),
  };
  root.append(
    ...[
      usedLine(one),
      avatar(one),
      make("div", { class: "body" }, byline(one), content(one, handlers), footer(one, actions)),
      tools(one, actions),
    ].filter(Boolean),
  );
  return root;
}

function avatar(one) {
  const kind = one.author.bot ? "bot" : `a${Number(BigInt(one.author.id) % 5n)}`;
  return make(
    "div",
    { class: `avatar ${kind}`, "aria-hidden": "true" },
    one.author_name.slice(0, 1).toUpperCase(),
  );
}

function usedLine(one) {
  const user = one.interaction_metadata?.user;
  if (user && one.interaction) {
    const { target_message_id, target_user } = one.interaction_metadata;
    const slash = target_message_id || target_user ? "" : "/"; // commands from a menu are not typed
    return make("div", { class: "used" }, make("b", {}, userName(user.id)), ` used ${slash}${one.interaction.name}`);
  }
  if (one.referenced_message === undefined) return null;
  if (one.referenced_message === null) return make("div", { class: "used" }, "↱ a message that was deleted");
  const text = one.referenced_message.content || firstText(one.referenced_message.components);
  const preview = (text && renderMarkdown(text).firstChild?.textContent) || "a message";
  return make(
    "div",
    { class: "used", dir: "auto" },
    "↱ ",
    make("b", {}, userName(one.referenced_message.author.id)),
    ` ${preview.slice(0, 80)}`,
  );
}

// The first text that a message of components shows; null when it shows none.
function firstText(parts = []) {
  for (const part of parts) {
    const found = part.content ?? firstText(part.components);
    if (found) return found;
  }
  return null;
}

function byline(one) {
  return make(
    "div",
    { class: "byline" },
    make("b", { dir: "auto" }, one.author_name),
    one.author.bot && make("span", { class: "app-tag" }, "bot"),
    make(
      "time",
      { datetime: one.timestamp, title: new Date(one.timestamp).toLocaleString() },
      shortTime(one.timestamp),
    ),
    one.edited_timestamp && make("span", { class: "edited" }, "(edited)"),
  );
}

function content(one, handlers) {
  if (one.loading)
    return make("div", { class: "thinking", "data-testid": "thinking" }, `${one.author_name} is thinking`);
  return make(
    "fieldset",
    { class: "parts" },
    one.content && renderMarkdown(one.content),
    one.flags & 32768 ? null : renderAttachments(one.attachments),
    one.embeds.map(renderEmbed),
    one.components.map((part) => renderComponent(part, handlers)),
    one.reactions?.length
      ? make(
          "div",
          { class: "reactions" },
          one.reactions.map((r) => make("span", { class: "reaction" }, `${r.emoji.name} ${r.count}`)),
        )
      : null,
  );
}

function footer(one, actions) {
  if (!one.ephemeral) return null;
  return make(
    "div",
    { class: "private-note", "data-testid": "only-you" },
    "Only you can see this · ",
    make(
      "button",
      { type: "button", "data-testid": "dismiss", onclick: () => actions.remove(one) },
      "Dismiss message",
    ),
  );
}

function tools(one, actions) {
  const entries = menuEntries(one, actions);
  if (!entries.length) return null;
  const button = make(
    "button",
    { type: "button", class: "menu-button", "aria-label": "Message menu", "data-testid": "message-menu" },
    "⋯",
  );
  const root = make("div", { class: "tools" }, button);
  attachMenu(root, button, () => entries);
  return root;
}

function menuEntries(one, actions) {
  const commands = one.ephemeral || one.loading ? [] : state.commands.filter((command) => command.type === 3);
  const entries = commands.map((command) => ({
    label: localized(command, "name"),
    action: () => actions.menuCommand(one, command),
  }));
  const isOwn = one.author.id === state.person;
  if (!one.ephemeral && (isOwn || currentChannel()?.can_moderate))
    entries.push({ label: "Delete message", action: () => actions.remove(one) });
  return entries;
}
