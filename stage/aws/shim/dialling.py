"""Functions dial the hosts that the stage plays: no name server knows them.

Plain HTTP goes through the proxy that the environment names, as it would in any program. A TCP connection to another
machine is asked for there too, by CONNECT: 200 is that connection, 404 is a host that is not played and is dialled as
it is, anything else refuses it.
"""

from __future__ import annotations


def dial_through_proxy() -> None:
    """Have socket.create_connection do so in this process. It stands alone: its source is put into each worker."""
    import os
    import socket
    from urllib.parse import urlsplit

    proxy = urlsplit(os.environ.get("HTTP_PROXY", ""))
    direct = socket.create_connection
    if not proxy.hostname:
        return

    def create_connection(address: tuple[str, int], *args: float, **more: float) -> socket.socket:
        host, port = address[:2]
        if host in ("127.0.0.1", "localhost"):
            return direct(address, *args, **more)  # type: ignore[arg-type]  # as it was called, whatever the version
        played = direct((proxy.hostname, proxy.port), *args, **more)  # type: ignore[arg-type]  # likewise
        played.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        status = played.recv(64).split()[1:2]
        if status == [b"200"]:
            return played
        played.close()
        if status == [b"404"]:
            return direct(address, *args, **more)  # type: ignore[arg-type]  # likewise
        raise ConnectionRefusedError(f"{host}:{port} takes no connection")

    socket.create_connection = create_connection  # type: ignore[assignment]  # every caller's
