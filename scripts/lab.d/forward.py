#!/usr/bin/env python3
"""Forwards a port of the loopback to a host, as VirtualBox does for Vagrant: forward.py PORT ADDRESS TARGET_PORT."""
import asyncio
import sys

port, address, target = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def serve(reader, writer):
    try:
        there_reader, there_writer = await asyncio.wait_for(asyncio.open_connection(address, target), 5)
    except (OSError, asyncio.TimeoutError):
        writer.close()
        return
    await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))
    there_writer.close()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


asyncio.run(main())
