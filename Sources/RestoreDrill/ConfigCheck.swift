internal import HermesHome
internal import Support
internal import SystemPackage
internal import Yams

/// `config`: config.yaml parses, and every `${VAR}` in it is either in `.env` or on the list of secrets to provide; in the home and in
/// its profiles.
enum ConfigCheck {
    /// What every process has without anybody's providing it.
    private static let ambient: Set<String> = [
        "HOME", "USER", "LOGNAME", "PATH", "PWD", "SHELL", "LANG", "TMPDIR", "HERMES_HOME", "XDG_CONFIG_HOME",
        "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
    ]

    static func run(_ home: FilePath, toProvide: Set<String>) throws -> CheckFinding {
        var places = try HomePlaces(home)
        func provided(_ prefix: String) throws -> Set<String> {
            try places.find(prefix + ".env").map(environmentNames) ?? []
        }
        var faults: [String] = []
        var variables: Set<String> = []
        var count: Int64 = 0
        let known = try provided("").union(toProvide).union(ambient)
        for (prefix, _) in try places.homes() {
            let name = prefix + "config.yaml"
            guard let config = try places.find(name) else { continue }
            count += 1
            switch try references(in: config) {
            case .failure(let problem): faults.append("\(name) \(problem.text)")
            case .success(let names):
                variables.formUnion(names)
                let missing = try names.subtracting(known).subtracting(provided(prefix))
                faults += missing.sorted().map { "\(name) refers to ${\(printable($0))}, which nobody provides" }
            }
        }
        let hasOwn = try places.find("config.yaml") != nil
        faults = places.faults + faults
        guard hasOwn || !faults.isEmpty else {
            return .skipped("the backup has no config.yaml of the home itself: Hermes runs on its defaults")
        }
        return .judging(faults, ["files": count, "variables": Int64(variables.count)])
    }

    private struct Problem: Error { var text: String }

    private static func references(in path: FilePath) throws -> Result<Set<String>, Problem> {
        let text: [UInt8]
        do {
            text = try FileSystem.read(path, limit: 16 << 20)
        } catch let error as OperatorError {
            return .failure(Problem(text: "cannot be read: \(error.reason)"))
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            return .failure(Problem(text: "is not UTF-8"))
        }
        guard ForeignYAML.isBounded(text) else { return .failure(Problem(text: "unfolds to too many values")) }
        do {
            guard let node = try Yams.compose(yaml: string) else { return .success([]) }
            guard node.mapping != nil else { return .failure(Problem(text: "is not a mapping")) }
            var names: Set<String> = []
            collect(node, &names)
            return .success(names)
        } catch {
            return .failure(Problem(text: "does not parse\(place(of: error))"))
        }
    }

    /// Where YAML went wrong and what libyaml calls it: never a piece of the text, in which secrets stand.
    private static func place(of error: any Error) -> String {
        func text(_ problem: String, _ mark: Mark) -> String {
            ": line \(mark.line), column \(mark.column): \(printable(problem, limit: 80))"
        }
        return switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            text(problem, mark)
        case .duplicatedKeysInMapping(_, let context): text("a key comes twice", context.mark)
        default: ""
        }
    }

    private static func collect(_ node: Node, _ names: inout Set<String>) {
        switch node {
        case .scalar(let scalar): names.formUnion(references(in: scalar.string))
        case .mapping(let mapping): for pair in mapping { collect(pair.value, &names) }
        case .sequence(let sequence): for item in sequence { collect(item, &names) }
        case .alias: break
        }
    }

    /// The names of `${NAME}` references, as Hermes expands them in every string of config.yaml.
    static func references(in text: String) -> [String] {
        var names: [String] = []
        var rest = text.utf8[...]
        while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
            rest = rest[rest.index(after: dollar)...]
            guard rest.first == UInt8(ascii: "{") else { continue }
            let name = rest.dropFirst().prefix { byte in
                let character = Character(UnicodeScalar(byte))
                return character.isASCII && (character.isLetter || character.isNumber || character == "_")
            }
            guard !name.isEmpty, rest[name.endIndex...].first == UInt8(ascii: "}") else { continue }
            names.append(String(decoding: name, as: UTF8.self))
        }
        return names
    }

    /// The names that a dotenv file assigns; none when it is not there.
    static func environmentNames(_ path: FilePath) throws -> Set<String> {
        guard try exists(path) else { return [] }
        return Set(lines(of: try FileSystem.read(path, limit: 16 << 20)).compactMap(assignedName))
    }

    /// The lines of a dotenv file, as python-dotenv ends them.
    static func lines(of text: [UInt8]) -> [Substring] {
        String(decoding: text, as: UTF8.self).split { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
    }

    /// The name that a line of a dotenv file assigns.
    static func assignedName(_ line: Substring) -> String? {
        var line = line.drop { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }
        if line.hasPrefix("export ") { line = line.dropFirst(7).drop { $0 == " " } }
        guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { return nil }
        let name = line[..<equals]
        return String(name.prefix { $0 != " " && $0 != "\t" })
    }

    static func exists(_ path: FilePath) throws -> Bool {
        do throws(Errno) {
            _ = try FileStatus(at: path)
            return true
        } catch {
            if error == .noSuchFileOrDirectory || error == .notDirectory { return false }
            throw OperatorError.system(error.rawValue, doing: "looking at", subject: path.printable)
        }
    }
}
