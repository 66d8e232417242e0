// Starts the page and keeps its parts together.

import { Live, ask, order } from "./api.js";
import { Composer } from "./composer.js";
import { Actions, complain } from "./actions.js";
import { byId } from "./dom.js";
import { Log } from "./log.js";
import { openModal } from "./modal.js";
import { drawSidebar } from "./sidebar.js";
import { place, places, remember, remembered, state } from "./state.js";

const actions = new Actions();
const log = new Log(actions);
const composer = new Composer({
  sendCommand: (name, values, files) => actions.command(name, values, files),
  complain,
});
const live = new Live(hear, () => refreshAll());

function hear(event) {
  if (event.type === "world") return refreshWorld();
  if (event.type === "interaction") return actions.heard(event);
  if (event.type === "message_deleted") return log.remove(event.id);
  if (event.type !== "message") return undefined;
  if (event.channel_id === state.channel) return log.refresh(event.id).catch(complain);
  state.unread.add(event.channel_id);
  return sidebar();
}

function sidebar() {
  drawSidebar({ choosePerson, chooseChannel });
}

let asking = null;

// Changes of the world come in bursts (a bot that registers commands): ask once for all of them.
function refreshWorld() {
  if (!state.channel) return opened.then(() => state.channel && refreshWorld()); // one thing after the other
  asking ??= new Promise((resolve) => setTimeout(resolve, 60))
    .then(async () => {
      asking = null;
      state.world = await ask("world", { as: state.person });
      if (!place()) return chooseChannel(places()[0].id);
      await loadCommands();
      sidebar();
      composer.commandsChanged();
      return undefined;
    })
    .catch(complain);
  return asking;
}

async function loadCommands() {
  const { commands } = await ask("commands", { as: state.person, channel: state.channel });
  state.commands = commands;
}

async function choosePerson(person, wanted = state.channel) {
  state.world = await ask("world", { as: person });
  state.person = state.world.me.id;
  state.unread.clear();
  live.listenAs(state.person);
  const found = places().find((one) => one.id === wanted || one.name === wanted);
  await chooseChannel((found ?? places()[0]).id);
}

async function chooseChannel(channel) {
  const opening = !state.channel; // the page itself: somebody may type already
  state.channel = channel;
  state.unread.delete(channel);
  remember();
  state.commands = [];
  drawer(false);
  sidebar();
  if (opening) composer.label();
  else composer.reset(); // at once: whoever already types while the rest is fetched must not lose it
  await loadCommands();
  composer.commandsChanged();
  await log.open();
}

async function refreshAll() {
  await refreshWorld();
  await log.open();
}

function drawer(open) {
  byId("sidebar").classList.toggle("open", open);
  byId("drawer-toggle").setAttribute("aria-expanded", String(open));
}

function newThread() {
  const title = place().type === 15 ? "New post" : "New thread";
  const name = { type: 4, custom_id: "name", style: 1, max_length: 100 };
  openModal({ title, components: [{ type: 18, label: "Name", component: name }] }, async (values) => {
    const made = await order("thread", { as: state.person, channel: state.channel, name: values.name });
    await refreshWorld();
    await chooseChannel(made.channel);
  });
}

byId("new-thread").addEventListener("click", newThread);
byId("drawer-toggle").addEventListener("click", () => drawer(!byId("sidebar").classList.contains("open")));
document.addEventListener("keydown", (event) => event.key === "Escape" && drawer(false));

const start = remembered();
const opened = choosePerson(start.person, start.channel).catch(complain);
