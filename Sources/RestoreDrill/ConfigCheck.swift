internal import HermesHome
internal import Support
internal import SystemPackage
internal import Yams

/// `config`: config.yaml parses, and every `${VAR}` in it is either in `.env` or on the list of secrets to provide.
enum ConfigCheck {
    static func run(_ home: HomeLayout, toProvide: [String]) throws -> CheckFinding {
        let text: [UInt8]
        do {
            text = try FileSystem.read(home.config, limit: 16 << 20, followingLinks: false)
        } catch let error as OperatorError {
            guard try exists(home.config) else {
                return .skipped("the backup has no config.yaml: Hermes runs on its defaults")
            }
            return .failed("config.yaml: \(error.reason)")
        }
        do {
            guard let string = String(validating: text, as: UTF8.self) else {
                return .failed("config.yaml is not UTF-8")
            }
            guard let node = try Yams.compose(yaml: string) else { return .passed(["variables": 0]) }
            guard node.mapping != nil else { return .failed("config.yaml is not a mapping") }
            let names = Set(references(in: string))
            let known = try environmentNames(home.environment).union(toProvide)
            let missing = names.subtracting(known).sorted()
            return .judging(
                missing.map { "config.yaml refers to ${\(printable($0))}, which nobody provides" },
                ["variables": Int64(names.count)])
        } catch let error as YamlError {
            return .failed("config.yaml does not parse: \(printable("\(error)", limit: 120))")
        }
    }

    /// The names of `${NAME}` references, as Hermes expands them in every string of config.yaml.
    static func references(in text: String) -> [String] {
        var names: [String] = []
        var rest = text.utf8[...]
        while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
            rest = rest[rest.index(after: dollar)...]
            guard rest.first == UInt8(ascii: "{"), let close = rest.firstIndex(of: UInt8(ascii: "}")) else { continue }
            let name = rest[rest.index(after: rest.startIndex)..<close]
            let isName = name.allSatisfy { byte in
                let character = Character(UnicodeScalar(byte))
                return character.isASCII && (character.isLetter || character.isNumber || character == "_")
            }
            if !name.isEmpty, isName { names.append(String(decoding: name, as: UTF8.self)) }
        }
        return names
    }

    /// The names that a dotenv file assigns.
    static func environmentNames(_ path: FilePath) throws -> Set<String> {
        guard try exists(path) else { return [] }
        let text = String(decoding: try FileSystem.read(path, limit: 4 << 20, followingLinks: false), as: UTF8.self)
        var names: Set<String> = []
        for line in text.split(whereSeparator: \.isNewline) {
            var line = line.drop { $0 == " " || $0 == "\t" }
            if line.hasPrefix("export ") { line = line.dropFirst(7).drop { $0 == " " } }
            guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { continue }
            names.insert(String(line[..<equals].reversed().drop { $0 == " " }.reversed()))
        }
        return names
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
