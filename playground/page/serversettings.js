// What people set in a server, and the playground for them: members, commands, age restriction, whether the bot is there.

import { postJson } from "./api.js";
import { byId } from "./dom.js";
import { attachMenu } from "./menu.js";
import { openModal } from "./modal.js";
import { currentGuild, state } from "./state.js";

const [SELECT, TEXT, LABEL, CHECKBOXES, CHECKBOX] = [3, 4, 18, 22, 23]; // types of a modal's components
const [ROLE, USER, CHANNEL] = [1, 2, 3]; // types of a command's overwrites
const NSFW_LEVELS = ["Not rated", "Explicit", "Safe", "Age-restricted"]; // by their number
const TIME_OUTS = { "One minute": 60, "One hour": 3600, "One day": 86400, "No time-out": 0 }; // seconds

export class ServerSettings {
  constructor({ refreshWorld }) {
    this.refreshWorld = refreshWorld;
    attachMenu(byId("settings"), byId("server-settings"), () => this.items(currentGuild()));
  }

  render() {
    const guild = currentGuild();
    byId("settings").hidden = !guild;
    byId("server-settings").textContent = guild?.name ?? "";
  }

  items(guild) {
    return [
      item("This server", `Age restriction, and whether ${botName()} is in it.`, () => this.edit(serverForm(guild))),
      item("Who may use commands", "As in Server Settings > Integrations.", () => this.chooseCommand(guild)),
      item("AutoMod", "Words that messages must not have; the bot may read them with Manage Server.", () => this.chooseRule(guild)),
      ...state.world.people.map((person) =>
        item(person.name, guild.members[person.id].title, () => this.edit(memberForm(guild, person))),
      ),
    ];
  }

  // Closes the form when the page knows what was saved, so that the next form begins with it.
  edit({ save, ...modal }) {
    openModal(modal, async (values) => {
      await save(values);
      await this.refreshWorld();
    });
  }

  chooseRule(guild) {
    const options = guild.automod_rules.map(({ id, name }) => ({ label: name, value: id }));
    const components = [field("Rule", "rule", { type: SELECT, options, placeholder: "A new rule" })];
    const edit = (rule) => this.edit(ruleForm(guild, rule));
    if (!options.length) return edit();
    openModal({ title: `AutoMod of ${guild.name}`, components, submit: "Go on" }, ({ rule: [chosen] }) =>
      edit(guild.automod_rules.find((one) => one.id === chosen)),
    );
  }

  chooseCommand(guild) {
    const options = guild.commands.map(({ id, name }) => ({ label: name, value: id }));
    const components = [field("Command", "command", { type: SELECT, options, placeholder: "All commands" })];
    openModal({ title: `Commands in ${guild.name}`, components, submit: "Go on" }, ({ command: [chosen] }) =>
      this.edit(permissionsForm(guild, guild.commands.find((one) => one.id === chosen))),
    );
  }
}

function item(label, detail, action) {
  return { label, detail, action, data: { "data-testid": "setting", "data-setting": label } };
}

function botName() {
  return state.world.bot.username;
}

function field(label, custom_id, component) {
  return { type: LABEL, label, component: { custom_id, required: false, ...component } };
}

function serverForm(guild) {
  const levels = NSFW_LEVELS.map((label, level) => ({ label, value: String(level), default: level === guild.nsfw_level }));
  const components = [
    field(`${botName()} is in this server`, "bot", { type: CHECKBOX, default: guild.has_bot }),
    field("Age restriction", "level", { type: SELECT, options: levels, required: true }),
  ];
  const save = async ({ bot, level }) => {
    const nsfw_level = Number(level[0]);
    if (nsfw_level !== guild.nsfw_level) await postJson("guild", { guild: guild.id, nsfw_level });
    if (bot !== guild.has_bot) await postJson(bot ? "bot/add" : "bot/remove", { guild: guild.id });
  };
  return { title: guild.name, components, save };
}

function memberForm(guild, person) {
  const known = guild.members[person.id];
  const options = guild.roles
    .filter((role) => role.id !== guild.id && !role.managed)
    .map((role) => ({ label: role.name, value: role.id, default: known.roles.includes(role.id) }));
  const times = Object.entries(TIME_OUTS).map(([label, seconds]) => ({ label, value: String(seconds) }));
  const until = known.timed_out_until && new Date(known.timed_out_until * 1000).toLocaleString();
  const placeholder = until ? `Until ${until}` : "Not timed out";
  const components = [
    field("Member", "member", { type: CHECKBOX, default: known.is_member }),
    field("Roles", "roles", { type: CHECKBOXES, options }),
    field("Time-out", "time_out", { type: SELECT, options: times, placeholder }),
  ];
  const save = ({ member, roles, time_out: [seconds] }) => {
    const who = { who: person.id, guild: guild.id };
    if (!member) return known.is_member && postJson("member/remove", who);
    return postJson("member", { ...who, roles, ...(seconds && { time_out: Number(seconds) }) });
  };
  return { title: `${person.name} in ${guild.name}`, components, save };
}

// One rule with words; without a name it is deleted.
function ruleForm(guild, rule) {
  const { keyword_filter = [], regex_patterns = [], allow_list = [] } = rule?.trigger_metadata ?? {};
  const lines = (label, id, values) => field(label, id, { type: TEXT, style: 2, value: values.join("\n") });
  const components = [
    field("Name", "name", { type: TEXT, style: 1, value: rule?.name ?? "" }),
    lines("Words, one a line", "keyword_filter", keyword_filter),
    lines("Patterns, one a line", "regex_patterns", regex_patterns),
    lines("Allowed words, one a line", "allow_list", allow_list),
  ];
  const save = ({ name, ...typed }) => {
    const trigger = Object.fromEntries(Object.entries(typed).map(([id, text]) => [id, text.split("\n").map((one) => one.trim())]));
    const others = guild.automod_rules.filter((one) => one.id !== rule?.id).map((one) => ({ ...one, ...one.trigger_metadata }));
    const rules = name ? [...others, { ...rule, name, ...trigger }] : others;
    return postJson("automod", { as: state.person, guild: guild.id, rules });
  };
  return { title: `AutoMod of ${guild.name}`, components, save };
}

// Everybody and everything that an overwrite can be about; the keys are those of the control interface.
function targets(guild) {
  const channels = guild.channels.filter((one) => [0, 15].includes(one.type));
  return [
    ...guild.roles.map((one) => ({ label: one.name, key: one.id, id: one.id, type: ROLE })),
    ...state.world.people.map((one) => ({ label: one.name, key: one.id, id: one.id, type: USER })),
    { label: "All channels", key: "#*", id: guild.all_channels_id, type: CHANNEL },
    ...channels.map((one) => ({ label: `#${one.name}`, key: `#${one.id}`, id: one.id, type: CHANNEL })),
  ];
}

function permissionsForm(guild, command) {
  const overwrites = guild.command_permissions[command?.id ?? state.world.application] ?? [];
  const components = targets(guild).map(({ label, key, id, type }) => {
    const set = overwrites.find((one) => one.id === id && one.type === type)?.permission;
    const options = [
      { label: "Allowed", value: "yes", default: set === true },
      { label: "Closed", value: "no", default: set === false },
    ];
    return field(label, key, { type: SELECT, options, placeholder: "Not set" });
  });
  const save = (values) => {
    const said = Object.entries(values).filter(([, chosen]) => chosen.length);
    const allowed = Object.fromEntries(said.map(([key, [chosen]]) => [key, chosen === "yes"]));
    return postJson("command-permissions", { as: state.person, guild: guild.id, command: command?.id ?? null, allowed });
  };
  return { title: command?.name ?? "All commands", components, compact: true, save };
}
