internal import Support
internal import SystemPackage

/// Gathers the sections of all files, then turns them into a ``Configuration``.
final class ConfigurationReader {
    enum ReferenceKind: String {
        case credential, store, job
    }

    /// A name that must be declared somewhere.
    struct Reference {
        let kind: ReferenceKind
        let name: String
        let place: String
        let position: SourcePosition
    }

    static let sections = [
        "instance", "hermes", "repository", "sanitizer", "bundle", "network", "notify", "snapshot", "watchdog",
    ]

    let collector = IssueCollector()
    /// What `~` stands for.
    let home: FilePath
    /// Where this program keeps its state; nil: not known, and not looked at.
    let stateDirectory: FilePath?
    var references: [Reference] = []
    /// False if a home was named that could not be read.
    var isHomeKnown = true
    private var single: [String: (position: SourcePosition, value: ConfigurationValue)] = [:]
    private var named: [String: [(name: String, position: SourcePosition, value: ConfigurationValue)]] = [:]
    private var start: SourcePosition

    init(home: FilePath, stateDirectory: FilePath?, main: FilePath) {
        self.home = home
        self.stateDirectory = stateDirectory
        start = SourcePosition(file: main, line: 1, column: 1)
    }

    /// Takes up one file's document and returns what it includes.
    func add(_ document: YAMLDocument, file: FilePath, isMain: Bool) -> [ConfigurationValue] {
        let top = SourcePosition(file: file, line: 1, column: 1)
        collector.report(document.issues)
        if document.isPartial { collector.isPartial = true }
        guard let root = document.root else {
            if document.issues.isEmpty, isMain { collector.report("the file is empty; `init` writes a start", at: top) }
            collector.isPartial = true
            return []
        }
        let value = ConfigurationValue(root, name: "configuration", near: top, document: document, collector: collector)
        guard let mapping = value.mapping("the configuration") else { return [] }
        if let version = mapping.take("version") {
            _ = version.parsed("1") { $0 == "1" ? 1 : nil }
        } else if isMain, !document.isPartial {
            collector.report("the configuration lacks the key \"version\"; write `version: 1`", at: top)
        }
        let includes = mapping.take("include")?.list() ?? []
        for section in Self.sections { addSingle(section, from: mapping) }
        for group in ["credentials", "stores", "jobs"] { addNamed(group, from: mapping) }
        mapping.finish()
        return includes
    }

    private func addSingle(_ section: String, from mapping: ConfigurationMapping) {
        guard let value = mapping.take(section),
            let entry = mapping.entries.first(where: { $0.name == section })
        else { return }
        if let first = single[section] {
            collector.report("\"\(section)\" is declared twice; first at \(first.position)", at: entry.position)
        } else {
            single[section] = (entry.position, value)
        }
    }

    private func addNamed(_ group: String, from mapping: ConfigurationMapping) {
        guard let value = mapping.take(group), !value.isNull, let inner = value.mapping("\"\(group)\"") else { return }
        let noun = group == "stores" ? "store" : group == "jobs" ? "job" : "credential"
        for entry in inner.entries {
            guard ScalarFormats.slug(entry.name) != nil else {
                collector.report(
                    "\(shown(entry.name)) is no name for a \(noun); allowed: \(ScalarFormats.slugHelp)",
                    at: entry.position)
                // What stands below it is read all the same, under a name that messages can repeat.
                let name = CredentialScrubber.mayHoldSecret(entry.name) ? "?" : printable(entry.name, limit: 60)
                named[group, default: []].append((name, entry.position, entry.value))
                continue
            }
            if let first = named[group]?.first(where: { $0.name == entry.name }) {
                collector.report(
                    "\(noun) \"\(entry.name)\" is declared twice; first at \(first.position)", at: entry.position)
            } else {
                named[group, default: []].append((entry.name, entry.position, entry.value))
            }
        }
    }

    /// The configuration, or nil when something that nothing goes without is missing; errors are in the collector either way.
    func finish() -> Configuration? {
        let instance = readInstance(section("instance"))
        if single["instance"] == nil, !collector.isPartial {
            collector.report("the configuration lacks the section \"instance\"", at: start)
        }
        let bundle = readBundle(section("bundle"), position: single["bundle"]?.position)
        var credentials: [String: CredentialDeclaration] = [:]
        for (name, position, value) in named["credentials"] ?? [] {
            if let reference = readCredential(value, place: "credential \"\(name)\"") {
                credentials[name] = CredentialDeclaration(name: name, reference: reference, position: position)
            }
        }
        var stores: [String: StoreConfig] = [:]
        for (name, position, value) in named["stores"] ?? [] {
            if let place = readStore(value, name: name) {
                stores[name] = StoreConfig(name: name, place: place, position: position)
            }
        }
        let jobs = (named["jobs"] ?? []).compactMap { name, position, value in
            readJob(value, name: name, position: position, contents: bundle?.contents ?? .full)
        }
        let repository = readRepository(section("repository"), position: single["repository"]?.position)
        let hermes = readHermes(section("hermes"))
        let sanitizer = readSanitizer(section("sanitizer"))
        let network = readNetwork(section("network"))
        let notify = readNotify(section("notify"))
        let snapshot = readSnapshot(section("snapshot"), instance: instance?.id ?? "unknown")
        let watchdog = readWatchdog(section("watchdog"))
        checkReferences()
        checkNeeds(of: jobs)
        guard let instance else { return nil }
        if !collector.isPartial, isHomeKnown { checkPlaces(instance, repository, stores, snapshot) }
        return Configuration(
            files: [], instance: instance, hermes: hermes, credentials: credentials, repository: repository,
            sanitizer: sanitizer, bundle: bundle, stores: stores, network: network, notify: notify, snapshot: snapshot,
            watchdog: watchdog, jobs: jobs, warnings: collector.warnings)
    }

    /// The keys of a section; nil when it is absent or empty.
    private func section(_ name: String) -> ConfigurationMapping? {
        guard let value = single[name]?.value, !value.isNull else { return nil }
        return value.mapping("\"\(name)\"")
    }

    // MARK: - Names that must be declared

    private func checkReferences() {
        // A block that could not be read may have declared the name.
        if collector.isPartial { return }
        for reference in references {
            let group = reference.kind == .credential ? "credentials" : reference.kind == .store ? "stores" : "jobs"
            let declared = (named[group] ?? []).map(\.name)
            if declared.contains(reference.name) { continue }
            // What stands in a credential's place may be the credential itself: it is never repeated.
            let found = reference.kind == .credential ? "" : " \(shown(reference.name))"
            let list = declared.isEmpty ? "none is declared" : "declared: \(declared.joined(separator: ", "))"
            collector.report(
                "\(reference.place) names an unknown \(reference.kind.rawValue)\(found); \(list)"
                    + suggestion(for: reference.name, among: declared), at: reference.position)
        }
    }

    /// Reports steps that cannot work with what is declared.
    private func checkNeeds(of jobs: [JobDeclaration]) {
        if collector.isPartial { return }
        func demand(_ isMet: Bool, _ need: String, _ step: StepDeclaration, _ job: JobDeclaration) {
            if isMet { return }
            collector.report("step \"\(step.name)\" of job \"\(job.name)\" needs \(need)", at: step.position)
        }
        for job in jobs {
            var before: Set<StepKind> = []
            // What was restored and is not verified yet: a restore that nobody looks at proves nothing.
            var restored: StepDeclaration?
            func demandVerification() {
                if let restored {
                    demand(false, "a step \"verify\" after it, before the next \"restore\"", restored, job)
                }
            }
            for step in job.allSteps {
                defer { before.insert(step.action.kind) }
                switch step.action {
                case .sanitize:
                    break
                case .commit:
                    demand(single["repository"] != nil, "a section \"repository\"", step, job)
                    demand(before.contains(.sanitize), "a step \"sanitize\" before it", step, job)
                case .push:
                    demand(single["repository"] != nil, "a section \"repository\"", step, job)
                case .bundle:
                    demand(single["bundle"] != nil, "a section \"bundle\" with recipients", step, job)
                case .upload:
                    demand(before.contains(.bundle), "a step \"bundle\" before it", step, job)
                case .restore(let options):
                    demandVerification()
                    restored = step
                    if options.source == .repository || options.source == .both {
                        demand(single["repository"] != nil, "a section \"repository\"", step, job)
                    }
                case .verify:
                    demand(restored != nil, "a step \"restore\" before it, one for each \"verify\"", step, job)
                    restored = nil
                case .notify:
                    demand(single["notify"] != nil, "a section \"notify\" with a channel", step, job)
                case .remind(let options):
                    let drill = jobs.first { $0.name == options.drill }
                    demand(
                        drill?.steps.contains { $0.action.kind == .verify } != false,
                        "a drill that verifies: job \"\(options.drill)\" has no step \"verify\"", step, job)
                case .prune, .snapshot, .watchdog:
                    break
                }
            }
            demandVerification()
        }
    }
}
