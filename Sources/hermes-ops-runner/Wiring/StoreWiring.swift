internal import DriveUpload
internal import Jobs
internal import Logging
internal import Stores
internal import Support
internal import SystemPackage

extension Session {
    /// A folder as a store, with the mark that it held bundles.
    func directoryStore(_ folder: FilePath) -> DirectoryStore {
        let name = hex(Digest.of(folder.bytes, .sha256).prefix(8))
        return DirectoryStore(folder, mark: stateDirectory.appending("stores").appending(name))
    }

    /// A declared store, ready to use.
    func store(_ name: String, in configuration: Configuration) async throws -> any Store {
        guard let config = configuration.stores[name] else {
            let names = configuration.stores.keys.sorted().joined(separator: ", ")
            throw OperatorError(
                "no-such-store", doing: "looking for the store", subject: printable(name, limit: 64),
                reason: "it is not declared",
                advice: names.isEmpty ? "declare one under `stores:`" : "declared: \(names)", exit: .configuration)
        }
        switch config.place {
        case .directory(let folder): return directoryStore(folder)
        case .drive(let folder, let credential):
            return try DriveStore(
                folder: folder, credential: try await driveCredential(credential, in: configuration),
                http: try client(configuration.network), options: try driveOptions())
        }
    }

    func driveCredential(_ name: String, in configuration: Configuration) async throws -> DriveCredential {
        let secret = try await credentials.resolve(name, in: configuration)
        var writeBack: FilePath?
        if case .file(let path)? = configuration.credentials[name]?.reference { writeBack = path }
        return try DriveCredential(parsing: secret, label: name, writeBack: writeBack)
    }

    func driveOptions() throws -> DriveOptions {
        let logger = logger
        var options = DriveOptions(stateDirectory: stateDirectory, logger: logger)
        options.warn = { type, text in
            logger.warning("\(text)", metadata: ["type": "\(type)"])
        }
        // For tests alone: a stand-in on this machine.
        if let root = environment["HERMES_OPS_TEST_DRIVE"] { options.endpoints = try .loopback(root) }
        return options
    }
}

extension KeepRules {
    init(_ declared: KeepDeclaration) throws {
        var counts: [Rule: Count] = [:]
        let given: [(Rule, Int?)] = [
            (.last, declared.last), (.hourly, declared.hourly), (.daily, declared.daily), (.weekly, declared.weekly),
            (.monthly, declared.monthly), (.yearly, declared.yearly),
        ]
        for (rule, count) in given {
            if let count { counts[rule] = .atMost(count) }
        }
        try self.init(counts: counts, within: declared.within.flatMap(CalendarSpan.init))
    }
}
