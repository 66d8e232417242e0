// The list of channels and direct messages, and who one acts as.

import { byId, make } from "./dom.js";
import { place, state } from "./state.js";

const SIGNS = { 0: "#", 1: "@", 11: "↳", 15: "▤" };

export function drawSidebar({ choosePerson, chooseChannel }) {
  const { world } = state;
  drawPeople(world, choosePerson);
  byId("presence-dot").classList.toggle("on", world.bot.online);
  byId("presence").textContent = world.bot.online
    ? `${world.bot.username} is connected`
    : `${world.bot.username} is not connected`;
  const groups = [
    ...world.guilds.map((guild) =>
      group(guild.name + (guild.has_bot ? "" : " (without the bot)"), guild.channels, chooseChannel),
    ),
    group("Direct messages", world.direct, chooseChannel),
  ];
  byId("places").replaceChildren(...groups.flat());
  const here = place();
  byId("place-name").textContent = here ? `${SIGNS[here.type] ?? ""} ${here.name}` : "";
  const opensThreads = here?.type === 15 || here?.type === 0;
  byId("new-thread").hidden = !opensThreads;
  byId("new-thread").classList.toggle("forum", here?.type === 15);
  byId("new-thread").textContent = here?.type === 15 ? "New post" : "New thread";
  byId("place-topic").textContent = here?.nsfw ? "age-restricted" : (here?.topic ?? "");
}

function drawPeople(world, choosePerson) {
  const menu = byId("person");
  menu.replaceChildren(
    ...world.people.map((one) =>
      make("option", { value: one.id, selected: one.id === state.person }, one.name),
    ),
  );
  menu.onchange = () => choosePerson(menu.value);
}

function group(title, channels, chooseChannel) {
  const items = channels.map((one) =>
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
          onclick: () => chooseChannel(one.id),
        },
        make("span", { "aria-hidden": "true" }, SIGNS[one.type] ?? "#"),
        make("span", { class: "name" }, one.name),
        one.nsfw && one.type === 0 ? make("small", { class: "muted" }, "18+") : null,
      ),
    ),
  );
  return [make("h2", {}, title), make("ul", {}, items)];
}
