"""`python -m playground`: runs alone and outlives the bot."""

import argparse
import asyncio
import contextlib
import signal

from playground.gateway.heartbeats import HEARTBEAT_SECONDS
from playground.server import LOOPBACK, Playground, PortTaken

PORT = 8765


def main() -> None:
    """Read the command line and serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m playground",
        description="A local stand-in for Discord, to try a bot without a token.",
    )
    parser.add_argument("--host", default="127.0.0.1", choices=LOOPBACK, help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=PORT, help=f"port to listen on (default {PORT}; 0: a free one)")
    parser.add_argument("--token", help="the bot token to accept (default: a random one)")
    parser.add_argument("--name", default="Easel", help="the name of the application")
    parser.add_argument("--privileged-intents", action="store_true", help="allow members and message content intents")
    parser.add_argument(
        "--strict-limits", action="store_true", help="rate limits as observed on Discord, not wide ones"
    )
    parser.add_argument(
        "--heartbeat-seconds", type=float, default=HEARTBEAT_SECONDS, help="how often a bot has to say that it lives"
    )
    parser.add_argument(
        "--shards",
        type=int,
        choices=range(1, 17),
        default=1,
        metavar="N",
        help="how many shards a bot is told to connect with",
    )
    parser.add_argument(
        "--suggest", action="append", default=[], metavar="LINE", help='a command for empty channels, as "/do this"'
    )
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:  # Windows, where no handler can be installed
        print("Closed.")
    except PortTaken as problem:
        parser.exit(1, f"{problem} Choose another with --port; 0 takes a free one.\n")


async def _serve(options: argparse.Namespace) -> None:
    async with Playground.serve(
        host=options.host,
        port=options.port,
        token=options.token,
        name=options.name,
        privileged_intents=options.privileged_intents,
        strict_limits=options.strict_limits,
        heartbeat_seconds=options.heartbeat_seconds,
        shards=options.shards,
        suggestions=options.suggest,
    ) as playground:
        print("Local playground, not Discord.")
        print(f"  page     {playground.page_url}")
        print(f"  API      {playground.api_url}")
        print(f"  token    {playground.token}", flush=True)
        await _signal()
    print("Closed.")


async def _signal() -> None:
    """Wait for a signal to end. A handler also receives a SIGINT that the starting shell set to be ignored."""
    received = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, received.set)
    await received.wait()


if __name__ == "__main__":
    main()
