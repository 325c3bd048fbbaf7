internal import HermesHome
internal import Support

/// Rules about the gateway: the process that listens to people and runs the cron jobs.
enum GatewayRules {
    static let all: [WatchdogRule] = [down, troubled, platforms, heartbeat, linger, dashboard]

    private static let down = WatchdogRule(
        title: "The gateway runs", codes: ["gateway-down", "gateway-not-running", "gateway-unresponsive"]
    ) {
        context in
        let unit = context.snapshot.gateway.service
        let reported = context.readings.gateway.reportedState
        let claimsToRun = ["running", "degraded", "draining", "starting"].contains(reported ?? "")
        let gone = Finding(
            "gateway-down", .critical, "/gateway/state", "The gateway is down: nobody answers and no cron job runs",
            key: "gateway")
        switch (context.readings.gateway.liveness, unit.health) {
        case (.running, _): return .fine
        case (.unknown, .down): return .found([gone])
        case (.unknown, .up): return .fine
        case (.unknown(let failure), _): return .unknown(failure.detail)
        case (.stopped, .down): return .found([gone])
        case (.stopped, .degraded), (.stopped, .up):
            // A service that has just started has not written its files yet.
            guard let since = unit.since, context.age(since) > 180 else { return .fine }
            return .found([
                Finding(
                    "gateway-unresponsive", .critical, "/gateway/state",
                    "\(unit.unit.rawValue) is active, but no gateway process of this home runs",
                    key: "gateway-unresponsive")
            ])
        case (.stopped, .unknown): return claimsToRun ? .found([gone]) : .unknown(unit.probe)
        case (.stopped, .disabled):
            if claimsToRun { return .found([gone]) }
            let waiting = context.readings.cron.value?.enabled ?? 0
            guard waiting > 0 else { return .inapplicable }
            return .found([
                Finding(
                    "gateway-not-running", .warn, "/gateway/state",
                    "No gateway runs: \(waiting) enabled cron jobs cannot fire")
            ])
        }
    }

    private static let troubled = WatchdogRule(
        title: "The gateway is stable",
        codes: [
            "gateway-degraded", "gateway-restarting", "gateway-startup-failed",
        ]
    ) { context in
        var findings: [Finding] = []
        let unit = context.snapshot.gateway.service
        if context.readings.gatewayRuns, context.readings.gateway.reportedState == "degraded" {
            findings.append(Finding("gateway-degraded", .warn, "/gateway/state", "The gateway calls itself degraded"))
        }
        if context.readings.gateway.reportedState == "startup_failed", !context.readings.gatewayRuns {
            findings.append(
                Finding("gateway-startup-failed", .critical, "/gateway/state", "The gateway failed to start"))
        }
        if unit.sub?.rawValue == "auto-restart" || (unit.restarts?.value ?? 0) >= context.thresholds.gatewayRestarts {
            findings.append(
                Finding(
                    "gateway-restarting", .warn, "/gateway/service",
                    "\(unit.unit.rawValue) was restarted \(unit.restarts?.value ?? 0) times"))
        }
        var unexamined = unit.probe.isOk ? [] : ["gateway-restarting"]
        var reason = unit.probe.isOk ? "" : Verdict.reason(unit.probe)
        if let failure = context.readings.gateway.failure {
            unexamined += ["gateway-degraded", "gateway-startup-failed"]
            reason = failure.detail
        } else if case .unknown(let failure) = context.readings.gateway.liveness {
            unexamined.append("gateway-degraded")
            reason = failure.detail
        }
        return .partly(findings, unexamined: unexamined, reason)
    }

    private static let platforms = WatchdogRule(
        title: "Platforms are connected", codes: ["platform-failed", "platform-disconnected"]
    ) { context in
        switch context.readings.gateway.liveness {
        case .running: break
        case .stopped: return .inapplicable
        case .unknown(let failure): return .unknown(failure.detail)
        }
        if let failure = context.readings.gateway.failure { return .unknown(failure.detail) }
        var findings: [Finding] = []
        for (index, platform) in context.readings.gateway.platforms.prefix(32).enumerated() {
            let name = printable(platform.name, limit: 40)
            switch platform.state {
            case "fatal":
                findings.append(
                    Finding(
                        "platform-failed", .critical, "/gateway/platforms/\(index)",
                        "\(name) has given up: messages do not arrive",
                        key: "failed-\(platform.name)"))
            case "retrying", "disconnected", "connecting":
                guard let since = platform.updated ?? context.readings.gateway.updated,
                    context.age(since) > context.thresholds.platformSeconds
                else { continue }
                findings.append(
                    Finding(
                        "platform-disconnected", .warn, "/gateway/platforms/\(index)",
                        "\(name) is not connected (\(printable(platform.state, limit: 20)))",
                        key: "disconnected-\(platform.name)"))
            default: continue
            }
        }
        return .found(findings)
    }

    private static let heartbeat = WatchdogRule(
        title: "The gateway and its scheduler are alive",
        codes: ["gateway-heartbeat-stale", "cron-stopped", "cron-heartbeat-unknown"]
    ) { context in
        switch context.readings.gateway.liveness {
        case .running: break
        case .stopped: return .inapplicable
        case .unknown(let failure): return .unknown(failure.detail)
        }
        var findings: [Finding] = []
        if let beat = context.readings.gateway.heartbeat, context.age(beat) > context.thresholds.gatewayHeartbeatSeconds
        {
            findings.append(
                Finding(
                    "gateway-heartbeat-stale", .critical, "/gateway/state",
                    "The gateway's process runs, but its heartbeat stopped \(context.age(beat) / 60) minutes ago"))
        }
        guard let cron = context.readings.cron.value else {
            return .partly(
                findings, unexamined: ["cron-stopped", "cron-heartbeat-unknown"], Verdict.reason(context.readings.cron))
        }
        guard cron.enabled > 0 else { return .found(findings) }
        var doubt = cron.heartbeatFailure?.detail
        if let beat = cron.heartbeat {
            if context.now - beat < .zero - ClockRule.tolerance {
                doubt = "cron/ticker_heartbeat is \(-context.age(beat) / 60) minutes ahead of this clock"
            } else if context.age(beat) > context.thresholds.cronHeartbeatSeconds {
                findings.append(
                    Finding(
                        "cron-stopped", .critical, "/cron",
                        "Hermes' scheduler has not looked at its jobs for \(context.age(beat) / 60) minutes"))
            }
        }
        if let doubt {
            findings.append(
                Finding(
                    "cron-heartbeat-unknown", .warn, "/cron",
                    "Whether Hermes' scheduler looks at its jobs is not known: \(doubt)"))
        }
        return .found(findings)
    }

    private static let linger = WatchdogRule(
        title: "Units outlive the session", codes: ["linger-off"]
    ) { context in
        guard context.snapshot.instance.scope == .user else { return .inapplicable }
        guard let linger = context.snapshot.gateway.linger else { return .unknown("logind's files cannot be seen") }
        if linger { return .fine }
        let user = context.snapshot.instance.user.rawValue
        return .found([
            Finding(
                "linger-off", .critical, "/gateway/linger",
                "\(user) has no lingering: gateway and timers stop when \(user) logs out")
        ])
    }

    private static let dashboard = WatchdogRule(
        title: "The dashboard is private", codes: ["dashboard-exposed"]
    ) { context in
        guard let port = context.snapshot.dashboard.port else { return .inapplicable }
        guard context.readings.network.probe.isOk else { return .unknown(context.readings.network) }
        guard [.wildcard, .public].contains(context.snapshot.dashboard.bind) else { return .fine }
        return .found([
            Finding(
                "dashboard-exposed", .critical, "/dashboard/bind",
                "The dashboard on port \(port) can be reached from outside the tailnet")
        ])
    }
}
