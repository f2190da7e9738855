"""Method and path of every operation, below /api/latest; the names are those of `api.Api`."""

from __future__ import annotations

from werkzeug.routing import Map, Rule

_P = "/projects/<project>"

ROUTES = Map(
    [
        Rule(path, endpoint=operation, methods=[method])
        for method, path, operation in (
            ("POST", "/login", "login"),
            ("POST", "/logout", "logout"),
            ("GET", "/me", "me"),
            ("GET", "/extendedAccountInfo", "extended_account_info"),
            ("GET", "/clouds", "clouds"),
            ("GET", "/licenses", "licenses"),
            ("GET", "/licenses/<id>", "license"),
            ("GET", "/cloudCredentials", "credentials"),
            ("GET", "/cloudCredentials/<id>", "credential"),
            ("GET", "/cloudCredentials/<credentials>/regions", "regions"),
            ("GET", "/cloudCredentials/<credentials>/regions/<id>", "region"),
            ("GET", "/projects", "projects"),
            ("GET", _P, "project"),
            ("GET", f"{_P}/machines", "machines"),
            ("PATCH", f"{_P}/machines", "change_machines"),
            ("DELETE", f"{_P}/machines", "remove_machines"),
            ("GET", f"{_P}/machines/<id>", "machine"),
            ("PATCH", f"{_P}/machines/<id>", "change_machine"),
            ("DELETE", f"{_P}/machines/<id>", "remove_machine"),
            ("GET", f"{_P}/machines/<id>/pointsintime", "points_in_time"),
            ("POST", f"{_P}/machines/<id>/forceRescan", "force_rescan"),
            ("POST", f"{_P}/startReplication", "start_replication"),
            ("POST", f"{_P}/pauseReplication", "pause_replication"),
            ("POST", f"{_P}/stopReplication", "stop_replication"),
            ("POST", f"{_P}/launchMachines", "launch_machines"),
            ("GET", f"{_P}/jobs", "jobs"),
            ("GET", f"{_P}/jobs/<id>", "job"),
            ("GET", f"{_P}/replicas/<id>", "replica"),
            ("DELETE", f"{_P}/replicas", "remove_replicas"),
            ("GET", f"{_P}/blueprints", "blueprints"),
            ("GET", f"{_P}/blueprints/<id>", "blueprint"),
            ("PATCH", f"{_P}/blueprints/<id>", "change_blueprint"),
            ("GET", f"{_P}/replicationConfigurations", "replication_configurations"),
            ("PATCH", f"{_P}/replicationConfigurations/<id>", "change_replication_configuration"),
            ("GET", f"{_P}/auditLog", "audit_log"),
            ("GET", f"{_P}/tags", "tags"),
        )
    ]
)
