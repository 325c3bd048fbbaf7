public import Support

/// How a run or a step ended: OpenTelemetry's `cicd.pipeline.result`, and `unknown` for a process that vanished.
public enum RunOutcome: String, Sendable, Codable, CaseIterable {
    case success, failure, error, timeout, cancellation, skip, unknown

    /// Whether it counts as a failure for alerts and for `failuresSince`; a cancellation and a skip do not.
    public var isBad: Bool { self == .failure || self == .error || self == .timeout || self == .unknown }
}

/// The record of one run, exactly as schemas/job-run.schema.json has it; `STATE/runs/RUN.json`.
///
/// Texts that come from errors go through ``CredentialScrubber/safeText(_:)`` on their way in.
public struct RunRecord: Sendable, Codable, Hashable {
    public var kind = "hermes.job.run"
    public var schemaVersion = "1.0"
    /// 32 hex digits: systemd's INVOCATION_ID, or a UUIDv7 without hyphens.
    public var runId: String
    public var instance: String
    public var job: Job
    public var trigger: Trigger
    public var state: State
    public var outcome: RunOutcome?
    public var dryRun: Bool?
    public var attempt: Int?
    public var maxAttempts: Int?
    public var startedAt: Timestamp
    public var finishedAt: Timestamp?
    public var durationMs: Int64?
    public var timeoutMs: Int64?
    public var exit: Exit?
    public var error: Failure?
    public var steps: [StepRecord]?
    public var effects: RunEffects?
    public var deliveries: [Delivery]?
    public var resources: Resources?
    public var host: Host?
    public var runner: Runner

    public struct Job: Sendable, Codable, Hashable {
        public var name: String
        public var kind: JobKind
        public var definition: String?
    }

    public struct Trigger: Sendable, Codable, Hashable {
        public enum Kind: String, Sendable, Codable {
            case timer
            case catchUp = "catch-up"
            case manual, failure, retry
        }

        public var type: Kind
        public var unit: String?
        public var scheduledAt: Timestamp?

        public init(type: Kind, unit: String? = nil, scheduledAt: Timestamp? = nil) {
            self.type = type
            self.unit = unit
            self.scheduledAt = scheduledAt
        }
    }

    public enum State: String, Sendable, Codable {
        case pending, executing, finalizing, finished
    }

    public struct Exit: Sendable, Codable, Hashable {
        /// Nil when a signal ended the process.
        public var code: Int?
        /// `SIGTERM` and the like.
        public var signal: String?
        /// systemd's SERVICE_RESULT.
        public var serviceResult: String?
    }

    public struct Failure: Sendable, Codable, Hashable {
        /// A slug; see `OperatorError.type`.
        public var type: String
        public var message: String
        public var step: String?
        public var retryable: Bool?

        public init(type: String, message: String, step: String? = nil, retryable: Bool? = nil) {
            let slug = type.lowercased().map {
                $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) ? $0 : "-"
            }
            self.type = ScalarFormats.slug(String(slug.prefix(64))) ?? "error"
            self.message = CredentialScrubber.safeText(message)
            self.step = step
            self.retryable = retryable
        }

        public init(_ error: OperatorError, step: String?) {
            self.init(type: error.type, message: error.summary, step: step, retryable: error.isTemporary)
        }
    }

    public struct Resources: Sendable, Codable, Hashable {
        public var cpuMs: Int64?
        public var maxRssBytes: Int64?
        public var ioReadBytes: Int64?
        public var ioWriteBytes: Int64?
    }

    public struct Host: Sendable, Codable, Hashable {
        public var bootId: String?
    }

    public struct Runner: Sendable, Codable, Hashable {
        public var version: String
    }
}

/// A step's part of the run record.
public struct StepRecord: Sendable, Codable, Hashable {
    public enum State: String, Sendable, Codable {
        case pending, executing, finished
    }

    public var name: String
    public var state: State
    public var outcome: RunOutcome?
    public var startedAt: Timestamp?
    public var durationMs: Int64?
    public var items: Int64?
    public var bytes: Int64?
    public var changed: Bool?
}

/// What a run did to the world; the fields that steps leave nil are not written.
public struct RunEffects: Sendable, Codable, Hashable {
    public var changed: Bool?
    /// The first 7 to 12 hex digits of a commit.
    public var head: String?
    public var pushed: Bool?
    public var filesAdded: Int64?
    public var filesChanged: Int64?
    public var filesRemoved: Int64?
    public var bytes: Int64?
    public var uploadVerified: Bool?
    public var forbiddenFiles: Int64?
    public var secretFindings: Int64?

    public init() {}

    /// Takes over what the other one tells.
    mutating func merge(_ other: RunEffects) {
        if let value = other.changed { changed = value || changed ?? false }
        head = other.head ?? head
        pushed = other.pushed ?? pushed
        filesAdded = other.filesAdded ?? filesAdded
        filesChanged = other.filesChanged ?? filesChanged
        filesRemoved = other.filesRemoved ?? filesRemoved
        bytes = other.bytes ?? bytes
        uploadVerified = other.uploadVerified ?? uploadVerified
        forbiddenFiles = other.forbiddenFiles ?? forbiddenFiles
        secretFindings = other.secretFindings ?? secretFindings
        if let text = head { head = Self.shortHead(text) }
    }

    /// The schema takes 7 to 12 lower-case hex digits; anything else is left out.
    private static func shortHead(_ text: String) -> String? {
        let short = String(text.lowercased().prefix(12))
        return short.utf8.count >= 7 && short.allSatisfy { $0.isASCII && $0.isHexDigit } ? short : nil
    }

    var isEmpty: Bool { self == RunEffects() }
}

/// A message that a run sent, or did not.
public struct Delivery: Sendable, Codable, Hashable {
    public enum Channel: String, Sendable, Codable {
        case telegram, healthchecks, file, none
    }

    public enum Outcome: String, Sendable, Codable {
        case delivered, failed, suppressed
    }

    public var channel: Channel
    public var outcome: Outcome
    public var at: Timestamp?

    public init(channel: Channel, outcome: Outcome, at: Timestamp? = nil) {
        self.channel = channel
        self.outcome = outcome
        self.at = at
    }
}
