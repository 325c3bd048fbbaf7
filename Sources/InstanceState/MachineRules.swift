internal import Support

/// Rules about the machine and the ways out of it.
enum MachineRules {
    static let all: [WatchdogRule] = [disk, memory, ClockRule.rule, listeners, notifications]

    private static let disk = WatchdogRule(title: "The disk has room", codes: ["disk-full"]) { context in
        guard let host = context.readings.host.value else { return .unknown(context.readings.host) }
        let limits = context.thresholds
        func isBelow(_ share: Double) -> Bool {
            Double(host.diskFree) < Double(limits.minFreeDiskBytes) * share
                || 1 - host.diskUsed < limits.minFreeDiskFraction * share
        }
        guard isBelow(1) else { return .fine }
        return .found([
            Finding(
                "disk-full", isBelow(0.25) ? .critical : .warn, "/host/diskUsed",
                "The disk is \(Int(host.diskUsed * 100)) % full, \(host.diskFree >> 20) MiB are left")
        ])
    }

    private static let memory = WatchdogRule(title: "The memory has room", codes: ["memory-full"]) { context in
        guard let free = context.readings.host.value?.memoryFree else {
            return context.readings.host.value == nil
                ? .unknown(context.readings.host) : .unknown("/proc/meminfo does not say")
        }
        guard free < context.thresholds.minFreeMemoryBytes else { return .fine }
        return .found([Finding("memory-full", .warn, "/host/memoryUsed", "\(free >> 20) MiB of memory are left")])
    }

    private static let listeners = WatchdogRule(
        title: "Nothing faces the public", codes: ["public-listener"]
    ) { context in
        guard let network = context.readings.network.value else { return .unknown(context.readings.network) }
        let user = context.snapshot.instance.user.rawValue
        let found = network.publicListeners.map { listener in
            let who = listener.isHermes ? "Hermes" : "a process of \(user)\(listener.process.map { " (\($0))" } ?? "")"
            return "\(who) listens on port \(listener.port)"
        }
        guard !found.isEmpty else { return .fine }
        let text = found.prefix(5).joined(separator: ", ")
        let more = found.count > 5 ? " and \(found.count - 5) more" : ""
        return .found([
            Finding(
                "public-listener", .critical, "/network/publicListeners",
                "\(text.prefix(1).uppercased())\(text.dropFirst())\(more) for everybody, not for the tailnet alone")
        ])
    }

    private static let notifications = WatchdogRule(
        title: "Messages arrive", codes: ["notifications-failing", "notifications-off", "notifications-untested"]
    ) { context in
        guard let state = context.snapshot.notifications else { return .inapplicable }
        guard state.configured else {
            return .found([
                Finding(
                    "notifications-off", .info, "/notifications/configured",
                    "Nobody is told when something fails: no notification is configured")
            ])
        }
        var findings: [Finding] = []
        if state.lastOutcome == .failed {
            findings.append(
                Finding(
                    "notifications-failing", .warn, "/notifications/lastOutcome",
                    "The last message could not be sent, \(state.pending.value) are waiting"))
        }
        switch context.readings.description.notificationTest {
        case .delivered(let moment) where context.age(moment) <= NotificationTest.maxAge: break
        case let test:
            findings.append(Finding("notifications-untested", .info, "/notifications", test.text(at: context.now)))
        }
        return .found(findings)
    }
}
