"""What is outside of the replication service and of AWS: the application that users write into, and other hosts.

One small web service on this machine plays them all. The functions' plain HTTP, and what they dial by TCP, comes here
as to a proxy: plans name the hosts that the scenario names, and the deployed template knows nothing of it. TLS is not
played. The application has two sites: the source in the datacentre, the target in EC2.

The users' address (`application.host`): any path answers 200 while the site that users reach serves, else 503.
The hooks (`application.control`), each safe to repeat:

    POST /doors/close, /doors/open     {site: source | target}, by default the source
    POST /power/<machine>/off, /on     of a source machine; POST /power/off, /on: of all of them
    GET  /power/<machine>, /power      200 while it is on, while all of them are, else 503
    POST /switch                       {to: target | source}
    GET  /state                        how all of it stands

Straight at its own address: GET /_outside/users, what became of the orders of users.
"""

from stage.outside.outside import Outside
from stage.outside.targets import Targets

__all__ = ["Outside", "Targets"]
