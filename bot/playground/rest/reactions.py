"""/channels/{id}/messages/{id}/reactions and pins: the little that bots do with them."""

from urllib.parse import unquote

from bot.playground import message_shapes
from bot.playground import permissions as may
from bot.playground.models import Message
from bot.playground.news import News
from bot.playground.rest.endpoint import NOTHING, Answer, Call, Endpoint
from bot.playground.wire import Json, iso
from bot.playground.world import World


def endpoints(world: World, news: News) -> list[Endpoint]:
    """The routes of this noun."""

    def found(call: Call, needed: int) -> Message:
        channel = world.channel(call.path["channel_id"])
        world.require(channel, needed)
        return world.message(channel.id, call.path["message_id"], viewer=None)

    def react(call: Call) -> Answer:
        message = found(call, may.VIEW_CHANNEL | may.ADD_REACTIONS)
        emoji = unquote(call.path["emoji_name"])
        people = message.reactions.setdefault(emoji, [])
        if world.bot_id not in people:
            people.append(world.bot_id)
            news.reaction(message, world.bot_id, emoji, added=True)
        return NOTHING

    def unreact(call: Call) -> Answer:
        message = found(call, may.VIEW_CHANNEL)
        emoji = unquote(call.path["emoji_name"])
        people = message.reactions.get(emoji, [])
        if world.bot_id in people:
            people.remove(world.bot_id)
            if not people:
                del message.reactions[emoji]
            news.reaction(message, world.bot_id, emoji, added=False)
        return NOTHING

    def pins(call: Call) -> Answer:
        channel = world.channel(call.path["channel_id"])
        world.require(channel, may.VIEW_CHANNEL)
        items: list[Json] = [
            {"pinned_at": iso(message.timestamp), "message": message_shapes.message(world, message)}
            for message in world.messages_of(channel.id)
            if message.pinned
        ]
        return Answer(json={"items": items, "has_more": False})

    def pin(call: Call) -> Answer:
        found(call, may.MANAGE_MESSAGES).pinned = True
        return NOTHING

    def unpin(call: Call) -> Answer:
        found(call, may.MANAGE_MESSAGES).pinned = False
        return NOTHING

    messages = "/channels/{channel_id}/messages"
    mine = messages + "/{message_id}/reactions/{emoji_name}/@me"
    return [
        Endpoint("PUT", mine, react),
        Endpoint("DELETE", mine, unreact),
        Endpoint("GET", f"{messages}/pins", pins),
        Endpoint("PUT", messages + "/pins/{message_id}", pin),
        Endpoint("DELETE", messages + "/pins/{message_id}", unpin),
    ]
