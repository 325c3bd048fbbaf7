/// What a step may do outside the state directory.
public enum StepEffect: String, Sendable, Codable, CaseIterable {
    case readsHome = "reads the home"
    case writesRepository = "writes the repository"
    case contactsRemote = "contacts the repository's remote"
    case writesStore = "writes to a store"
    case deletesFromStore = "deletes from a store"
    case readsStore = "reads from a store"
    case runsHermes = "runs the hermes command"
    case writesSnapshot = "writes the snapshot"
    case sendsMessages = "sends messages"

    /// Whether it changes anything outside the state directory: a dry run stops before it.
    public var changesOutside: Bool {
        switch self {
        case .readsHome, .readsStore, .contactsRemote, .runsHermes: false
        case .writesRepository, .writesStore, .deletesFromStore, .writesSnapshot, .sendsMessages: true
        }
    }
}

extension StepAction {
    /// What the step may do outside the state directory, by its declaration alone.
    public var effects: [StepEffect] {
        switch self {
        case .sanitize: [.readsHome]
        case .commit: [.writesRepository]
        case .push: [.contactsRemote, .writesRepository]
        case .bundle: [.readsHome]
        case .upload: [.writesStore]
        case .prune: [.readsStore, .deletesFromStore]
        case .restore(let options):
            switch options.source {
            case .repository: options.local ? [] : [.contactsRemote]
            case .store: [.readsStore]
            case .both: [.contactsRemote, .readsStore]
            case .file: []
            }
        case .verify(let options): options.hermes == .off ? [] : [.runsHermes]
        case .remind: [.sendsMessages]
        case .snapshot: [.readsHome, .writesSnapshot]
        case .watchdog: [.readsHome]
        case .notify: [.sendsMessages]
        }
    }
}

/// What a run of a job would do, by its declaration alone: nothing is read and nobody contacted for it.
public struct JobPlan: Sendable, Codable, Hashable {
    public struct PlannedStep: Sendable, Codable, Hashable {
        public var name: String
        public var kind: String
        /// Short sentences.
        public var effects: [String]
        /// A dry run ends before it, unless the step can show what it would do.
        public var changesOutside: Bool
    }

    public var job: String
    public var kind: JobKind
    public var schedule: String?
    public var timeoutSeconds: Int64
    public var attempts: Int
    public var steps: [PlannedStep]
    public var onFailure: [PlannedStep]
    public var onSuccess: [PlannedStep]
    public var always: [PlannedStep]

    public init(_ job: JobDeclaration) {
        func planned(_ steps: [StepDeclaration]) -> [PlannedStep] {
            steps.map { step in
                PlannedStep(
                    name: step.name, kind: step.action.kind.rawValue, effects: step.action.effects.map(\.rawValue),
                    changesOutside: step.action.effects.contains { $0.changesOutside })
            }
        }
        self.job = job.name
        kind = job.kind
        schedule = job.schedule
        timeoutSeconds = job.timeout.components.seconds
        attempts = job.retry.attempts
        steps = planned(job.steps)
        onFailure = planned(job.onFailure)
        onSuccess = planned(job.onSuccess)
        always = planned(job.always)
    }
}
