public import Support

/// The state of one instance at one moment, exactly after the JSON Schema `urn:hermes-ops:schema:instance-snapshot:1`.
///
/// It holds booleans, counts, times and short names; no secret, no message, no path beyond the home's own.
public struct InstanceSnapshot: Codable, Sendable, Hashable {
    public struct Exporter: Codable, Sendable, Hashable {
        public var version: String
        public var durationMs: Count
        /// 0 when systemd could not be asked.
        public var systemdVersion: Count
        @Nullable public var bootedAt: Timestamp?
        public var probesOk: Count
        public var probesFailed: Count
    }

    public struct Host: Codable, Sendable, Hashable {
        public var probe: Probe
        /// Fractions, 0 to 1, of the file system that holds the home and of the machine's memory.
        public var diskUsed: Double?
        public var memoryUsed: Double?
        public var load1: Double?
        public var uptimeSeconds: Count?
    }

    public struct Gateway: Codable, Sendable, Hashable {
        public enum State: String, Codable, Sendable {
            case running, starting, draining, stopped
            case startupFailed = "startup_failed"
            case unknown
        }

        public struct Platform: Codable, Sendable, Hashable {
            public enum State: String, Codable, Sendable {
                case connected, disconnected, error, unknown
            }

            public var name: Slug
            public var state: State
        }

        public var service: UnitState
        /// Whether the user's manager outlives her sessions; user scope only.
        public var linger: Bool?
        public var state: State
        public var activeAgents: Count?
        public var platforms: [Platform]?
    }

    public struct Dashboard: Codable, Sendable, Hashable {
        public enum Bind: String, Codable, Sendable {
            case loopback, tailscale, wildcard, `public`, unknown
        }

        public var service: UnitState
        public var port: Int?
        public var bind: Bind
        public var reachable: Bool?
    }

    public struct Repository: Codable, Sendable, Hashable {
        public struct Commit: Codable, Sendable, Hashable {
            public var head: ShortHead
            public var at: Timestamp
            public var filesChanged: Count?
        }

        public var probe: Probe
        @Nullable public var head: ShortHead?
        @Nullable public var lastCommitAt: Timestamp?
        public var ageSeconds: Count?
        @Nullable public var clean: Bool?
        public var dirtyFiles: Count?
        public var unpushedCommits: Count?
        public var remoteConfigured: Bool?
        public var freshness: Freshness
        public var maxAgeSeconds: Count
        public var history: [Commit]?
    }

    public struct Backup: Codable, Sendable, Hashable {
        public var timer: TimerState
        @Nullable public var lastRun: LastRun?
        public var repo: Repository
        public var payload: Payload
    }

    public struct Drive: Codable, Sendable, Hashable {
        public var timer: TimerState?
        /// The file's presence and mode only, never its content.
        @Nullable public var googleTokenPresent: Bool?
        @Nullable public var lastUpload: LastRun?
        public var encrypted: Bool?
        public var freshness: Freshness
    }

    public struct RestoreDrill: Codable, Sendable, Hashable {
        @Nullable public var lastRun: LastRun?
        public var lastVerified: Timestamp?
        public var restored: Payload?
        @Nullable public var nextDueAt: Timestamp?
        @Nullable public var overdue: Bool?
    }

    public struct Cron: Codable, Sendable, Hashable {
        public struct Job: Codable, Sendable, Hashable {
            public enum LastStatus: String, Codable, Sendable {
                case ok, error
                case deliveryFailed = "delivery_failed"
                case blockedConfig = "blocked_config"
                case never, unknown
            }

            /// `[A-Za-z0-9_-]{1,64}`
            public var id: CronJobIdentifier
            public var name: SafeText
            public var enabled: Bool
            public var schedule: SafeText
            @Nullable public var lastRunAt: Timestamp?
            @Nullable public var nextRunAt: Timestamp?
            public var lastStatus: LastStatus
        }

        public var probe: Probe
        public var total: Count?
        public var enabled: Count?
        public var failing: Count?
        /// The first hundred.
        public var jobs: [Job]?
    }

    public struct Sessions: Codable, Sendable, Hashable {
        public var probe: Probe
        public var active: Count?
        /// Without the archived ones, as `hermes sessions stats` counts.
        public var total: Count?
        public var archived: Count?
        public var messages: Count?
        public var started24h: Count?
        public var messages24h: Count?
        public var lastActivityAt: Timestamp?
        public var bySource: [String: Count]?
    }

    public struct Memory: Codable, Sendable, Hashable {
        public var probe: Probe
        /// Of MEMORY.md.
        public var entries: Count?
        /// Of USER.md.
        public var userEntries: Count?
        public var bytes: Count?
        public var updatedAt: Timestamp?
    }

    public struct Skills: Codable, Sendable, Hashable {
        public var probe: Probe
        public var total: Count?
        public var enabled: Count?
        public var archived: Count?
    }

    public struct Watchdog: Codable, Sendable, Hashable {
        public var timer: TimerState
        @Nullable public var lastRun: LastRun?
        public var alerts24h: Count
        public var openAlerts: Count
        public var alerts: [Alert]
    }

    public struct Network: Codable, Sendable, Hashable {
        public var probe: Probe
        public var tailscaleIp: TailscaleAddress?
        public var tailscaleUp: Bool?
        /// Listeners of this user that are neither on loopback nor on the tailnet; must be 0.
        public var publicListeners: Count?
    }

    public struct Policy: Codable, Sendable, Hashable {
        public enum Approvals: String, Codable, Sendable {
            case manual, smart, off, unknown
        }

        @Nullable public var redactSecrets: Bool?
        @Nullable public var redactPii: Bool?
        public var approvals: Approvals
        @Nullable public var credentialModesOk: Bool?
    }

    public struct Notifications: Codable, Sendable, Hashable {
        public enum Channel: String, Codable, Sendable {
            case telegram, none
        }

        public enum LastOutcome: String, Codable, Sendable {
            case delivered, failed, never, unknown
        }

        public var channel: Channel
        public var configured: Bool
        @Nullable public var lastSentAt: Timestamp?
        public var lastOutcome: LastOutcome
        public var pending: Count

        public init(channel: Channel, configured: Bool, lastSentAt: Timestamp?, lastOutcome: LastOutcome, pending: Int)
        {
            self.channel = channel
            self.configured = configured
            self.lastSentAt = lastSentAt
            self.lastOutcome = lastOutcome
            self.pending = Count(pending)
        }
    }

    public var kind = "hermes.instance.snapshot"
    public var schemaVersion = "1.0"
    public var instance: InstanceReference
    public var generatedAt: Timestamp
    /// After this moment a reader knows nothing.
    public var validUntil: Timestamp
    public var sequence: Count
    public var exporter: Exporter
    public var health: Health
    public var host: Host?
    public var gateway: Gateway
    public var dashboard: Dashboard
    public var backup: Backup
    public var drive: Drive
    public var restoreDrill: RestoreDrill
    public var timers: [TimerState]
    public var cron: Cron
    public var sessions: Sessions
    public var memory: Memory
    public var skills: Skills
    public var watchdog: Watchdog
    public var network: Network
    public var policy: Policy?
    public var notifications: Notifications?
    public var warnings: [Warning]
}

/// The id of a job of Hermes' own scheduler.
public struct CronJobIdentifier: CheckedText {
    public let rawValue: String
    public init(unchecked: String) { rawValue = unchecked }
    public static func accepts(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95
            }
    }
}
