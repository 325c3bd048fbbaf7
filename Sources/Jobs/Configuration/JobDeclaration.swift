public import SystemPackage

/// An entry of `jobs:`.
public struct JobDeclaration: Sendable, Hashable {
    public struct Retry: Sendable, Hashable {
        /// One, and how often a step of the run may be tried again, all steps together; 1 when absent.
        public var attempts: Int
        /// The first wait's upper bound; doubles with each attempt; 30 s when absent.
        public var backoff: Duration
        /// No wait is longer; 10 min when absent.
        public var maxBackoff: Duration
    }

    public var name: String
    /// For people; nil when absent.
    public var description: String?
    /// A systemd OnCalendar expression; nil: runs only when asked to.
    public var schedule: String?
    public var schedulePosition: SourcePosition?
    /// 0 when absent.
    public var randomizedDelay: Duration
    /// Of the whole run, waits between attempts included; 1 h when absent.
    public var timeout: Duration
    public var retry: Retry
    public var steps: [StepDeclaration]
    public var onFailure: [StepDeclaration]
    public var onSuccess: [StepDeclaration]
    public var always: [StepDeclaration]
    /// `sha256:` and the first 12 hex digits over the declaration as written, whatever its order and layout.
    public var definition: String
    public var position: SourcePosition

    public var allSteps: [StepDeclaration] { steps + onFailure + onSuccess + always }

    /// What the run record calls it.
    public var kind: JobKind {
        let kinds = steps.map(\.action.kind)
        if kinds.contains(.restore) || kinds.contains(.verify) { return .restoreDrill }
        if kinds.contains(.push) || kinds.contains(.commit) { return .backup }
        if kinds.contains(.upload) || kinds.contains(.bundle) || kinds.contains(.prune) { return .driveUpload }
        if kinds.contains(.remind) { return .restoreDrillReminder }
        if kinds.contains(.watchdog) { return .watchdog }
        if kinds.contains(.snapshot) { return .exporter }
        return kinds.allSatisfy { $0 == .notify } ? .notify : .custom
    }
}

/// `job.kind` of the run record's schema.
public enum JobKind: String, Sendable, Codable, CaseIterable {
    case backup
    case driveUpload = "drive-upload"
    case exporter
    case watchdog
    case restoreDrill = "restore-drill"
    case restoreDrillReminder = "restore-drill-reminder"
    case notify
    case custom
}

/// The kinds of steps, named as the configuration names them.
public enum StepKind: String, Sendable, CaseIterable {
    case sanitize, commit, push, bundle, upload, prune, restore, verify, remind, snapshot, watchdog, notify
}

/// One step of a job, as declared.
public struct StepDeclaration: Sendable, Hashable {
    /// The kind, and from its second use in a job on a number: `restore`, `restore-2`; steps of `onFailure` and the like carry
    /// that before it: `on-failure.notify`.
    public var name: String
    public var action: StepAction
    public var position: SourcePosition
}

/// What a step does, with its options.
public enum StepAction: Sendable, Hashable {
    case sanitize(SanitizeOptions)
    case commit(CommitOptions)
    case push(PushOptions)
    case bundle(BundleOptions)
    case upload(UploadOptions)
    case prune(PruneOptions)
    case restore(RestoreOptions)
    case verify(VerifyOptions)
    case remind(RemindOptions)
    case snapshot(SnapshotOptions)
    case watchdog(WatchdogOptions)
    case notify(NotifyOptions)

    public var kind: StepKind {
        switch self {
        case .sanitize: .sanitize
        case .commit: .commit
        case .push: .push
        case .bundle: .bundle
        case .upload: .upload
        case .prune: .prune
        case .restore: .restore
        case .verify: .verify
        case .remind: .remind
        case .snapshot: .snapshot
        case .watchdog: .watchdog
        case .notify: .notify
        }
    }
}

/// `sanitize` takes no options: `sanitizer:` and `repository:` say it all.
public struct SanitizeOptions: Sendable, Hashable {}
/// `commit` takes no options.
public struct CommitOptions: Sendable, Hashable {}
/// `push` takes no options.
public struct PushOptions: Sendable, Hashable {}
/// `snapshot` takes no options: `snapshot:` says it all.
public struct SnapshotOptions: Sendable, Hashable {}
/// `watchdog` takes no options: `watchdog:` says it all.
public struct WatchdogOptions: Sendable, Hashable {}

/// `bundle: { contents: full }`
public struct BundleOptions: Sendable, Hashable {
    /// As `bundle.contents` says when absent.
    public var contents: BundleContents
}

/// `upload: { store: NAME }`
public struct UploadOptions: Sendable, Hashable {
    public var store: String
}

/// `prune: { store: NAME, keep: { last: 3, daily: 7 } }`
public struct PruneOptions: Sendable, Hashable {
    public var store: String
    public var keep: KeepDeclaration
}

/// Which bundles stay, as restic's keep rules: a bundle stays if any rule wants it. At least one rule is set.
public struct KeepDeclaration: Sendable, Hashable {
    public var last: Int?
    public var hourly: Int?
    public var daily: Int?
    public var weekly: Int?
    public var monthly: Int?
    public var yearly: Int?
    /// Everything younger, in restic's syntax: `1y5m7d2h` (years, months, days, hours).
    public var within: String?
}

/// `restore: { from: repository }`
public struct RestoreOptions: Sendable, Hashable {
    public enum Source: String, Sendable, CaseIterable {
        case repository, store, file
        /// The repository first, then the bundle laid over it.
        case both
    }

    public var source: Source
    /// For `store` and `both`.
    public var store: String?
    /// For `file`: the bundle.
    public var file: FilePath?
    /// For `store`: a bundle's name; nil: the newest verified one.
    public var bundle: String?
    /// The credential with the age identity that opens bundles.
    public var identity: String?
    /// For `repository`: the local work tree in place of a fresh clone; false when absent.
    public var local: Bool
    /// Keeps what was restored; false when absent.
    public var keep: Bool
}

/// `verify: { hermes: auto }`
public struct VerifyOptions: Sendable, Hashable {
    public enum HermesCheck: String, Sendable, CaseIterable {
        /// The hermes command is not run.
        case off
        /// It is run where it is found.
        case auto
        /// It must be found.
        case required
    }

    /// `off` when absent.
    public var hermes: HermesCheck
    /// How old what was restored may be (the recovery point); nil: any age.
    public var maxAge: Duration?
}

/// `remind: { drill: JOB, maxAge: 92d }`
public struct RemindOptions: Sendable, Hashable {
    /// The job whose success is wanted.
    public var drill: String
    /// 92 days when absent.
    public var maxAge: Duration
    /// How long before that it counts as due soon; 14 days when absent.
    public var dueSoon: Duration
}

/// `notify`, or `notify: { channels: [ telegram ] }`
public struct NotifyOptions: Sendable, Hashable {
    public enum Channel: String, Sendable, CaseIterable {
        case telegram, ping
    }

    /// Every declared channel when absent.
    public var channels: [Channel]
}
