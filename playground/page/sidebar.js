// The list of channels and direct messages, and the menu of the people to act as.

import { byId, make } from "./dom.js";
import { attachMenu } from "./menu.js";
import { currentChannel, currentGuild, state } from "./state.js";

const CHANNEL_ICONS = { 0: "#", 1: "@", 2: "♪", 3: "@", 11: "↳", 15: "▤" };

export function attachPeopleMenu(switchPerson) {
  attachMenu(byId("act-as"), byId("person"), () =>
    state.world.people.map((one) => {
      const { title, description } = membership(one);
      return {
        label: make("span", { class: "person" }, make("b", {}, one.name), make("span", { class: "title" }, title)),
        detail: description,
        checked: one.id === state.person,
        data: { "data-testid": "person", "data-person": one.name },
        action: () => switchPerson(one.id),
      };
    }),
  );
}

// What somebody is in the server on the screen; in direct messages, in the server that has the bot.
function membership(person) {
  const guilds = state.world.guilds;
  const guild = currentGuild() ?? guilds.find((one) => one.has_bot) ?? guilds[0];
  return guild?.members[person.id] ?? { title: "", description: "" };
}

export function renderSidebar({ openChannel }) {
  const { world } = state;
  const person = world.people.find((one) => one.id === state.person);
  byId("person").replaceChildren(make("b", {}, person.name), make("span", { class: "title" }, membership(person).title));
  byId("presence-dot").classList.toggle("on", world.bot.online);
  byId("presence").textContent = world.bot.online
    ? `${world.bot.username} is connected`
    : `${world.bot.username} is not connected`;
  const groups = [
    ...world.guilds.map((guild) =>
      group(groupTitle(guild), guild.channels, openChannel),
    ),
    group("Direct messages", world.direct, openChannel),
  ];
  const focused = document.activeElement.dataset.channelId;
  byId("places").replaceChildren(...groups.flat());
  if (focused) byId("places").querySelector(`[data-channel-id="${focused}"]`)?.focus();
  const channel = currentChannel();
  byId("place-name").textContent = channel ? `${CHANNEL_ICONS[channel.type] ?? ""} ${channel.name}` : "";
  const opensThreads = channel?.type === 15 || channel?.type === 0;
  byId("new-thread").hidden = !opensThreads;
  byId("new-thread").classList.toggle("forum", channel?.type === 15);
  byId("new-thread").textContent = channel?.type === 15 ? "New post" : "New thread";
  byId("place-topic").textContent = channel?.nsfw ? "age-restricted" : topic(channel);
}

function topic(channel) {
  if (channel?.archived) return channel.locked ? "archived and locked" : "archived: a message opens it again";
  return channel?.topic ?? "";
}

function groupTitle(guild) {
  return guild.name + (guild.is_age_restricted ? " 18+" : "") + (guild.has_bot ? "" : " (without the bot)");
}

function group(title, channels, openChannel) {
  const listed = channels.filter((one) => !one.archived || one.id === state.channel); // a forum lists archived posts
  const items = listed.map((one) =>
    make(
      "li",
      {},
      make(
        "button",
        {
          type: "button",
          class: `channel ${one.type === 11 ? "thread" : ""} ${state.unread.has(one.id) ? "unread" : ""}`,
          "aria-current": one.id === state.channel ? "page" : null,
          "data-testid": "channel",
          "data-channel": one.name,
          "data-channel-id": one.id,
          onclick: () => openChannel(one.id),
        },
        make("span", { "aria-hidden": "true" }, CHANNEL_ICONS[one.type] ?? "#"),
        make("span", { class: "name" }, one.name),
        one.nsfw && one.type === 0 ? make("small", { class: "muted" }, "18+") : null,
      ),
    ),
  );
  return [make("h2", {}, title), make("ul", {}, items)];
}
