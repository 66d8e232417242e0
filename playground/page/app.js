// Starts the page and keeps its parts together.

import { Actions, showError } from "./actions.js";
import { LiveConnection, getJson, postJson } from "./api.js";
import { Composer } from "./composer.js";
import { byId } from "./dom.js";
import { renderForum } from "./forum.js";
import { MessageList } from "./messagelist.js";
import { openModal } from "./modal.js";
import { ServerSettings } from "./serversettings.js";
import { attachPeopleMenu, renderSidebar } from "./sidebar.js";
import { currentChannel, readLocation, saveLocation, state, visibleChannels } from "./state.js";

const FORUM = 15; // type of channel
const TAGS_PER_POST = 5;

const actions = new Actions();
const messageList = new MessageList(actions, { onSuggestion: (line) => composer.write(line) });
const composer = new Composer({
  sendCommand: (name, values, files) => actions.command(name, values, files),
  showError,
});
const serverSettings = new ServerSettings({ refreshWorld });
const live = new LiveConnection(handleEvent, { onLost: showLost, onReconnect: refreshAll });

function handleEvent(event) {
  if (event.type === "world") return refreshWorld();
  if (event.type === "interaction") return actions.handleEvent(event);
  if (event.type === "message_deleted") return messageList.remove(event.id);
  if (event.type !== "message") return undefined;
  if (event.channel_id === state.channel) return messageList.refresh(event.id).catch(showError);
  state.unread.add(event.channel_id);
  return updateSidebar();
}

// Without the playground nobody is connected to it.
function showLost() {
  state.world.bot.online = false;
  updateSidebar();
}

function updateSidebar() {
  renderSidebar({ openChannel });
  serverSettings.render();
  if (isForum()) renderForum(currentChannel(), { openChannel });
}

function isForum() {
  return currentChannel()?.type === FORUM;
}

let pendingRefresh = null;

// Changes of the world come in bursts (a bot that registers commands): ask once for all of them.
function refreshWorld() {
  if (!state.channel) return ready.then(() => state.channel && refreshWorld()); // one thing after the other
  pendingRefresh ??= new Promise((resolve) => setTimeout(resolve, 60))
    .then(async () => {
      pendingRefresh = null;
      state.world = await getJson("world", { as: state.person });
      if (!currentChannel()) return openChannel(visibleChannels()[0].id);
      await loadCommands();
      updateSidebar();
      composer.commandsChanged();
      if (!isForum()) messageList.updateStart();
      return undefined;
    })
    .catch(showError);
  return pendingRefresh;
}

async function loadCommands() {
  const { commands, unavailable } = await getJson("commands", { as: state.person, channel: state.channel });
  Object.assign(state, { commands, unavailable });
}

async function switchPerson(person, preferred = state.channel) {
  state.world = await getJson("world", { as: person });
  state.person = state.world.me.id;
  state.unread.clear();
  await live.connectAs(state.person);
  state.world = await getJson("world", { as: state.person }); // nobody told of changes until now
  const channel = visibleChannels().find((one) => one.id === preferred || one.name === preferred);
  await openChannel((channel ?? visibleChannels()[0]).id);
}

async function openChannel(channel) {
  const firstChannel = !state.channel; // the page itself: somebody may type already
  state.channel = channel;
  state.unread.delete(channel);
  saveLocation();
  Object.assign(state, { commands: [], unavailable: {} });
  toggleDrawer(false);
  updateSidebar();
  if (firstChannel) composer.updatePlaceholder();
  else composer.reset(); // at once: whoever already types while the rest is fetched must not lose it
  await loadCommands();
  composer.commandsChanged();
  await showMessages();
}

async function refreshAll() {
  await refreshWorld();
  await showMessages();
}

async function showMessages() {
  if (isForum()) renderForum(currentChannel(), { openChannel });
  else await messageList.open();
}

function toggleDrawer(open) {
  byId("sidebar").classList.toggle("open", open);
  byId("drawer-toggle").setAttribute("aria-expanded", String(open));
}

function newThread() {
  const title = isForum() ? "New post" : "New thread";
  const name = { type: 4, custom_id: "name", style: 1, max_length: 100 };
  const components = [{ type: 18, label: "Name", component: name }, ...tagField(currentChannel())];
  openModal({ title, components }, async (values) => {
    const body = { as: state.person, channel: state.channel, name: values.name, tags: values.tags ?? [] };
    const made = await postJson("thread", body);
    await refreshWorld();
    await openChannel(made.channel);
  });
}

function tagField(channel) {
  const usable = channel.tags.filter((tag) => !tag.moderated || channel.can_use_moderated_tags);
  if (!usable.length) return [];
  const options = usable.map(({ name }) => ({ label: name, value: name }));
  const max = Math.min(TAGS_PER_POST, options.length);
  return [
    {
      type: 18,
      label: "Tags",
      component: { type: 3, custom_id: "tags", required: false, min_values: 0, max_values: max, options },
    },
  ];
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says who and where one is
  composer.focus();
});
attachPeopleMenu((person) => switchPerson(person).catch(showError));
byId("new-thread").addEventListener("click", newThread);
byId("drawer-toggle").addEventListener("click", () => toggleDrawer(!byId("sidebar").classList.contains("open")));
document.addEventListener("keydown", (event) => event.key === "Escape" && toggleDrawer(false));

const saved = readLocation();
const ready = switchPerson(saved.person, saved.channel).catch(showError);
