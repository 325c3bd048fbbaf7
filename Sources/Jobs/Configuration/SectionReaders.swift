internal import Support
internal import SystemPackage
internal import Yams

/// The sections that stand alone.
extension ConfigurationReader {
    func readInstance(_ mapping: ConfigurationMapping?) -> InstanceConfig? {
        guard let mapping else { return nil }
        defer { mapping.finish() }
        let id = mapping.require("id")?.parsed(
            "a lower-case letter, then up to 31 lower-case letters, digits or '-'", ScalarFormats.instanceID)
        let label = mapping.take("label")?.text()
        let homeValue = mapping.take("hermesHome")
        let hermesHome = homeValue.flatMap(path)
        isHomeKnown = homeValue == nil || hermesHome != nil
        // An id or a home that is wrong was reported; the rest of the file is still checked.
        return InstanceConfig(
            id: id ?? "unknown", label: label ?? id ?? "unknown", hermesHome: hermesHome ?? home.appending(".hermes"),
            position: mapping.position)
    }

    func readHermes(_ mapping: ConfigurationMapping?) -> HermesConfig {
        defer { mapping?.finish() }
        return HermesConfig(command: mapping?.take("command").flatMap(path))
    }

    func readRepository(_ mapping: ConfigurationMapping?, position: SourcePosition?) -> RepositoryConfig? {
        guard let mapping, let position else { return nil }
        defer { mapping.finish() }
        let path = mapping.require("path").flatMap(path)
        let remote = mapping.take("remote")?.parsed(
            "https://HOST/PATH without user, password or query, or an absolute local path", remoteAddress)
        let branch = mapping.take("branch")?.parsed("a branch name as git allows it", Self.branchName)
        let credential = mapping.take("credential").flatMap { self.credential($0, place: "\"repository\"") }
        let broad = mapping.take("allowBroadToken")?.boolean()
        var author: RepositoryConfig.Author?
        if let inner = mapping.take("author")?.mapping("\"author\" of \"repository\"") {
            let plain: (String) -> String? = { $0.contains { "<>\n\u{0}".contains($0) } || $0.isEmpty ? nil : $0 }
            let name = inner.require("name")?.parsed("a name without < and >", plain)
            let email = inner.require("email")?.parsed("an address without < and >", plain)
            inner.finish()
            if let name, let email { author = .init(name: name, email: email) }
        }
        let api = mapping.take("api")?.parsed("https://HOST/PATH", Self.webAddress)
        if let remote, remote.hasPrefix("https://"), credential == nil, mapping.take("credential") == nil {
            collector.warn(
                "\"repository\" has a remote and no credential: only a push without sign-in can work", at: position)
        }
        // A path that is missing or wrong was reported.
        guard let path else { return nil }
        return RepositoryConfig(
            path: path, remote: remote, branch: branch ?? "main", credential: credential,
            allowBroadToken: broad ?? false, author: author, api: api, position: position)
    }

    func readSanitizer(_ mapping: ConfigurationMapping?) -> SanitizerConfig {
        var config = SanitizerConfig(policy: .hermes, rules: [], maxFileSize: 10 * 1_048_576)
        guard let mapping else { return config }
        defer { mapping.finish() }
        if let policy = mapping.take("policy")?.choice(SanitizerConfig.Policy.self) { config.policy = policy }
        if let size = mapping.take("maxFileSize")?.parsed(ScalarFormats.sizeHelp, ScalarFormats.size) {
            config.maxFileSize = size
        }
        for value in mapping.take("rules")?.list() ?? [] {
            guard let rule = value.mapping("a rule of \"sanitizer\"") else { continue }
            let path = rule.require("path")?.parsed("a glob below the home, without '..' and NUL") { glob in
                glob.isEmpty || glob.split(separator: "/").contains("..") || glob.contains("\u{0}") ? nil : glob
            }
            let action = rule.require("action")?.choice(SanitizerConfig.Action.self)
            let reason = rule.take("reason")?.text()
            rule.finish()
            if let path, let action {
                config.rules.append(
                    .init(
                        path: path, action: action, reason: reason ?? "a rule of the configuration",
                        position: value.position))
            }
        }
        return config
    }

    func readBundle(_ mapping: ConfigurationMapping?, position: SourcePosition?) -> BundleConfig? {
        guard let mapping, let position else { return nil }
        defer { mapping.finish() }
        var recipients: [String] = []
        if let list = mapping.require("recipients")?.list() {
            if list.isEmpty {
                collector.report("\"recipients\" of \"bundle\" needs at least one age public key", at: position)
            }
            for value in list {
                guard let text = value.text() else { continue }
                switch AgeRecipient.check(text) {
                case .privateKey:
                    value.report(
                        "a private age key stands among the recipients (it is not repeated here); it is no longer a secret: "
                            + "make a new one with `keys generate` and write its public key, age1…")
                case .invalid:
                    value.report(
                        "\(shown(text)) is no age public key; allowed: age1… or age1pq1…, as `keys recipient` prints it; "
                            + "keys of SSH and of plugins are not supported")
                case .valid:
                    if recipients.contains(text) {
                        value.report("this recipient is named twice")
                    } else {
                        recipients.append(text)
                    }
                }
            }
            // https://c2sp.org/age: such a file would be as weak as its weakest recipient.
            if Set(recipients.map { $0.hasPrefix("age1pq1") }).count > 1 {
                collector.report(
                    "\"recipients\" of \"bundle\" mixes post-quantum keys (age1pq1…) with others, which would take their strength away; "
                        + "allowed: all of one kind", at: position)
            }
            if recipients.count == 1, list.count == 1 {
                collector.warn(
                    "\"bundle\" has one recipient: if its key is lost no bundle opens; add a second", at: position)
            }
        }
        var level: Int?
        if let compression = mapping.take("compression")?.mapping("\"compression\" of \"bundle\"") {
            level = compression.take("level")?.integer(1...19)
            compression.finish()
        }
        let contents = mapping.take("contents")?.choice(BundleContents.self)
        return BundleConfig(
            recipients: recipients, compressionLevel: level ?? 3, contents: contents ?? .full, position: position)
    }

    func readStore(_ value: ConfigurationValue, name: String) -> StoreConfig.Place? {
        let place = "store \"\(name)\""
        guard let mapping = value.mapping(place) else { return nil }
        defer { mapping.finish() }
        let drive = mapping.take("drive")
        let directory = mapping.take("directory")
        switch (drive, directory) {
        case (let drive?, nil):
            guard let inner = drive.mapping("\"drive\" of \(place)") else { return nil }
            defer { inner.finish() }
            let folder = inner.require("folder")?.parsed("the id of a Drive folder: letters, digits, '-' and '_'") {
                id in
                let isID = id.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || byte == 0x2D
                        || byte == 0x5F
                }
                return isID && (4...128).contains(id.utf8.count) ? id : nil
            }
            let credential = inner.require("credential").flatMap { self.credential($0, place: place) }
            guard let folder, let credential else { return nil }
            return .drive(folder: folder, credential: credential)
        case (nil, let directory?):
            return path(directory).map { .directory($0) }
        default:
            value.report("\(place) needs one of: drive: { folder, credential }, directory: PATH")
            return nil
        }
    }

    func readNetwork(_ mapping: ConfigurationMapping?) -> NetworkConfig {
        var config = NetworkConfig(proxy: .none, caFile: nil, uploadLimit: nil)
        guard let mapping else { return config }
        defer { mapping.finish() }
        let proxy = mapping.take("proxy")?.parsed("http://HOST:PORT without user and password, or environment") {
            text in
            if text == "environment" { return NetworkConfig.Proxy.environment }
            return Self.isAddress(text, schemes: ["http", "https"], path: false) ? .url(text) : nil
        }
        if let proxy { config.proxy = proxy }
        config.caFile = mapping.take("caFile").flatMap(path)
        config.uploadLimit = mapping.take("uploadLimit")?.parsed(
            "a size per second, such as 2 MiB/s", ScalarFormats.rate)
        return config
    }

    func readNotify(_ mapping: ConfigurationMapping?) -> NotifyConfig {
        var config = NotifyConfig(telegram: nil, ping: nil, remindEvery: .seconds(86_400), tellRecovery: true)
        guard let mapping else { return config }
        defer { mapping.finish() }
        if let inner = mapping.take("telegram")?.mapping("\"telegram\" of \"notify\"") {
            let chat = inner.require("chat")?.parsed(
                "a chat's number, such as \"-1001234\", or \"@channel\"", ScalarFormats.chat)
            let credential = inner.require("credential").flatMap {
                self.credential($0, place: "\"telegram\" of \"notify\"")
            }
            inner.finish()
            if let chat, let credential { config.telegram = .init(chat: chat, credential: credential) }
        }
        if let inner = mapping.take("ping")?.mapping("\"ping\" of \"notify\"") {
            config.ping = inner.require("url").flatMap { readCredential($0, place: "\"url\" of \"ping\"") }
            inner.finish()
        }
        if let every = mapping.take("remindEvery")?.parsed(ScalarFormats.durationHelp, ScalarFormats.duration) {
            config.remindEvery = every
        }
        if let tell = mapping.take("tellRecovery")?.boolean() { config.tellRecovery = tell }
        return config
    }

    func readSnapshot(_ mapping: ConfigurationMapping?, instance: String) -> SnapshotConfig {
        var config = SnapshotConfig(
            output: FilePath("/var/lib/hermes-ops-exports/\(instance)"), group: "hermes-ops", validFor: .seconds(180),
            units: [])
        guard let mapping else { return config }
        defer { mapping.finish() }
        if let output = mapping.take("output").flatMap(path) { config.output = output }
        if let group = mapping.take("group")?.parsed("the name of a group", ScalarFormats.slug) { config.group = group }
        // No reader believes a snapshot that calls itself valid for longer than a day.
        let validFor = mapping.take("validFor")?.parsed(ScalarFormats.durationHelp + ", more than 0, at most 24h") {
            text in
            ScalarFormats.duration(text).flatMap { $0 > .zero && $0 <= .seconds(86_400) ? $0 : nil }
        }
        if let validFor { config.validFor = validFor }
        config.dashboardPort = mapping.take("dashboardPort")?.integer(1...65_535)
        for value in mapping.take("units")?.list() ?? [] {
            let unitName: (String) -> String? = { text in
                let suffixes = [".service", ".timer", ".slice", ".target", ".socket", ".path"]
                let isName =
                    text.utf8.count <= 200 && !text.hasPrefix("-")
                    && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ":_.@\\-".contains($0)) }
                return isName && suffixes.contains { text.hasSuffix($0) && text != $0 } ? text : nil
            }
            let help = "the full name of a unit, such as hermes-gateway.service"
            if case .scalar = value.node {
                if let name = value.parsed(help, unitName) { config.units.append(.init(name: name, manager: .system)) }
            } else if let inner = value.mapping("a unit of \"snapshot\"") {
                let name = inner.require("name")?.parsed(help, unitName)
                let manager = inner.take("manager")?.choice(SnapshotConfig.Manager.self)
                inner.finish()
                if let name { config.units.append(.init(name: name, manager: manager ?? .system)) }
            }
        }
        return config
    }

    func readWatchdog(_ mapping: ConfigurationMapping?) -> WatchdogConfig {
        func duration(_ key: String, _ standard: Duration) -> Duration {
            mapping?.take(key)?.parsed(ScalarFormats.durationHelp, ScalarFormats.duration) ?? standard
        }
        func size(_ key: String, _ standard: Int64) -> Int64 {
            mapping?.take(key)?.parsed(ScalarFormats.sizeHelp, ScalarFormats.size) ?? standard
        }
        defer { mapping?.finish() }
        return WatchdogConfig(
            maxBackupAge: duration("maxBackupAge", .seconds(26 * 3600)),
            maxBundleAge: duration("maxBundleAge", .seconds(8 * 86_400)),
            maxDrillAge: duration("maxDrillAge", .seconds(92 * 86_400)),
            maxUnpushedAge: duration("maxUnpushedAge", .seconds(26 * 3600)),
            maxSnapshotAge: duration("maxSnapshotAge", .seconds(300)),
            maxTickerAge: duration("maxTickerAge", .seconds(300)),
            minFreeDisk: size("minFreeDisk", 2 << 30),
            minFreeDiskPercent: mapping?.take("minFreeDiskPercent")?.integer(0...100) ?? 5,
            minFreeMemory: size("minFreeMemory", 256 << 20), maxWALSize: size("maxWALSize", 512 << 20),
            maxCronFailures: mapping?.take("maxCronFailures")?.integer(1...1000) ?? 3)
    }
}
