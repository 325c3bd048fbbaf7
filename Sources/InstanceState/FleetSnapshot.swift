public import Support

/// The state of several instances at one moment, exactly after the JSON Schema `urn:hermes-ops:schema:fleet-snapshot:1`.
public struct FleetSnapshot: Codable, Sendable, Hashable {
    public struct Cache: Codable, Sendable, Hashable {
        public var ttlSeconds: Count
        public var ageSeconds: Count
        public var hit: Bool
    }

    public struct Source: Codable, Sendable, Hashable {
        public enum State: String, Codable, Sendable, CaseIterable {
            case ok, missing
            /// Past its validUntil: what it says was so once.
            case stale
            /// Not a snapshot, or not of that instance.
            case invalid
            case unreadable
            /// From the future: one of the two clocks is wrong.
            case future
        }

        public var state: State
        @Nullable public var generatedAt: Timestamp?
        @Nullable public var ageSeconds: Count?
        public var bytes: Count?
        public var detail: SafeText?
    }

    public struct Instance: Codable, Sendable, Hashable {
        public var ref: InstanceReference
        public var source: Source
        /// `unknown` unless the source is `ok`.
        public var health: Health
        /// Of a stale source, what it last said.
        @Nullable public var snapshot: InstanceSnapshot?
    }

    public struct Rollup: Codable, Sendable, Hashable {
        public struct Instances: Codable, Sendable, Hashable {
            public var total: Count
            public var up: Count
            public var degraded: Count
            public var down: Count
            public var disabled: Count
            public var unknown: Count
        }

        public struct Warnings: Codable, Sendable, Hashable {
            public var info: Count
            public var warn: Count
            public var critical: Count
        }

        public struct Backups: Codable, Sendable, Hashable {
            public var fresh: Count
            public var late: Count
            public var stale: Count
            public var never: Count
            public var unknown: Count
        }

        public struct Sessions: Codable, Sendable, Hashable {
            public var active: Count
            public var total: Count
            public var messages: Count
        }

        public var instances: Instances
        public var warnings: Warnings
        public var backups: Backups
        public var sessions: Sessions
    }

    public struct InstanceWarning: Codable, Sendable, Hashable {
        public var instanceId: Slug
        public var warning: Warning
    }

    public struct InstanceAlert: Codable, Sendable, Hashable {
        public var instanceId: Slug
        public var alert: Alert
    }

    public struct Trend: Codable, Sendable, Hashable {
        public var instanceId: Slug
        public var metric: String
        public var bucketSeconds: Count
        public var start: Timestamp
        /// Null where nothing was observed; never 0 for that.
        public var points: [Double?]
    }

    public var kind = "hermes.fleet.snapshot"
    public var schemaVersion = "1.0"
    public var generatedAt: Timestamp
    public var cache = Cache(ttlSeconds: 0, ageSeconds: 0, hit: false)
    /// Hash of the content without the times that change at every look.
    public var etag: String?
    /// At most 64, in the order of the question; of more the ones in trouble come first. The roll-up counts them all.
    public var instances: [Instance]
    public var rollup: Rollup
    public var warnings: [InstanceWarning]
    public var alerts: [InstanceAlert]?
    public var trends: [Trend]

    /// UTF-8 JSON, keys sorted, with a line feed at the end.
    public func encoded(pretty: Bool = false) throws -> [UInt8] { try JSONText.encode(self, pretty: pretty) }
}
