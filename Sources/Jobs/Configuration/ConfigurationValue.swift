internal import Support
internal import SystemPackage
internal import Yams

/// Collects what is wrong, for as long as reading goes on.
final class IssueCollector {
    private(set) var issues: [ConfigurationIssue] = []
    private var known: Set<ConfigurationIssue> = []
    private(set) var warnings: [ConfigurationIssue] = []
    /// Part of some file could not be read: what seems missing may stand there.
    var isPartial = false
    /// How many nodes may still be read: an alias of aliases of aliases grows without bound.
    fileprivate var budget = 100_000

    func report(_ message: String, at position: SourcePosition) {
        report([ConfigurationIssue(message, at: position)])
    }

    func report(_ found: [ConfigurationIssue]) { issues += found.filter { known.insert($0).inserted } }
    func warn(_ message: String, at position: SourcePosition) {
        warnings.append(ConfigurationIssue(message, at: position))
    }
}

/// A node of a configuration file on its way to a typed value. Every reader reports what is wrong and returns nil.
struct ConfigurationValue {
    let node: Node
    let position: SourcePosition
    /// The key it stands under, for messages.
    let name: String
    let document: YAMLDocument
    let collector: IssueCollector

    init(_ node: Node, name: String, near position: SourcePosition, document: YAMLDocument, collector: IssueCollector) {
        self.node = node
        self.name = name
        self.document = document
        self.collector = collector
        self.position =
            node.mark.map { SourcePosition(file: position.file, line: $0.line, column: $0.column) } ?? position
    }

    func report(_ message: String) { collector.report(message, at: position) }

    /// Whether nothing stands there: `key:`, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    /// What kind of thing stands there, without its content.
    var kind: String {
        switch node {
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        case .scalar: isNull ? "nothing" : "text"
        }
    }

    private func spend() -> Bool {
        collector.budget -= 1
        if collector.budget == 0 {
            report("the file unfolds to too many values: an alias refers to itself many times over")
        }
        return collector.budget > 0
    }

    func text() -> String? {
        guard spend() else { return nil }
        guard case .scalar(let scalar) = node, !isNull else {
            report("\"\(name)\" needs a text, found \(kind)")
            return nil
        }
        if let alias = YAMLDocument.brokenAlias(scalar.string) {
            report(
                "alias \"\(printable(alias, limit: 40))\" names an anchor that is not there; write `&\(printable(alias, limit: 40))` before the value above it that is meant"
            )
            return nil
        }
        return scalar.string
    }

    /// Text that `parse` understands; `allowed` says what that is.
    func parsed<Value>(_ allowed: String, _ parse: (String) -> Value?) -> Value? {
        guard let text = text() else { return nil }
        if let value = parse(text) { return value }
        report("\"\(name)\" is \(shown(text)); allowed: \(allowed)")
        return nil
    }

    func choice<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> Value? where Value.RawValue == String {
        guard let text = text() else { return nil }
        if let value = Value(rawValue: text) { return value }
        let names = Value.allCases.map(\.rawValue)
        report(
            "\"\(name)\" is \(shown(text)); allowed: \(names.joined(separator: ", "))"
                + suggestion(for: text, among: names))
        return nil
    }

    func boolean() -> Bool? { parsed("true or false") { ["true": true, "false": false][$0] } }

    func integer(_ range: ClosedRange<Int>) -> Int? {
        let limits =
            range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
        return parsed("a whole number, \(limits)") { Int($0).flatMap { range.contains($0) ? $0 : nil } }
    }

    func mapping(_ place: String) -> ConfigurationMapping? {
        guard spend() else { return nil }
        guard case .mapping(let mapping) = node else {
            if let text = node.scalar?.string, YAMLDocument.brokenAlias(text) != nil {
                _ = self.text()
            } else {
                report("\(place) needs a mapping of keys to values, found \(kind)")
            }
            return nil
        }
        return ConfigurationMapping(mapping, place: place, parent: self)
    }

    func list() -> [ConfigurationValue]? {
        guard spend() else { return nil }
        guard case .sequence(let sequence) = node else {
            if let text = node.scalar?.string, YAMLDocument.brokenAlias(text) != nil {
                _ = self.text()
            } else {
                report("\"\(name)\" needs a list, found \(kind)")
            }
            return nil
        }
        return sequence.map {
            ConfigurationValue($0, name: name, near: position, document: document, collector: collector)
        }
    }
}

/// A mapping that knows which of its keys were asked for: what is left over is unknown.
final class ConfigurationMapping {
    struct Entry {
        let name: String
        let position: SourcePosition
        let value: ConfigurationValue
    }

    let place: String
    let position: SourcePosition
    private(set) var entries: [Entry] = []
    private let collector: IssueCollector
    private var known: [String] = []

    init(_ mapping: Node.Mapping, place: String, parent: ConfigurationValue) {
        self.place = place
        position = parent.position
        collector = parent.collector
        var seen: [String: SourcePosition] = [:]
        for (key, value) in mapping {
            let keyValue = ConfigurationValue(
                key, name: parent.name, near: parent.position, document: parent.document, collector: collector)
            guard case .scalar(let scalar) = key else {
                collector.report("a key of \(place) must be a text", at: keyValue.position)
                continue
            }
            let name = parent.document.name(ofKey: scalar.string)
            if let first = seen[name] {
                collector.report("duplicate key \(shown(name)) in \(place); first at \(first)", at: keyValue.position)
                continue
            }
            seen[name] = keyValue.position
            let value = ConfigurationValue(
                value, name: name, near: keyValue.position, document: parent.document, collector: collector)
            entries.append(Entry(name: name, position: keyValue.position, value: value))
        }
    }

    /// The value under a key; nil when the key is absent.
    func take(_ key: String) -> ConfigurationValue? {
        if !known.contains(key) { known.append(key) }
        return entries.first { $0.name == key }?.value
    }

    /// The value under a key that must be there.
    func require(_ key: String) -> ConfigurationValue? {
        let value = take(key)
        if value == nil { collector.report("\(place) lacks the key \"\(key)\"", at: position) }
        return value
    }

    /// Reports every key that nobody asked for.
    func finish() {
        for entry in entries where !known.contains(entry.name) {
            collector.report(
                "unknown key \(shown(entry.name)) in \(place)"
                    + suggestion(for: entry.name, among: known, listing: true),
                at: entry.position)
        }
    }
}

/// A text of the configuration as an error message may repeat it: not if it could be a secret.
func shown(_ text: String) -> String {
    CredentialScrubber.mayHoldSecret(text) ? "a value that is not shown here" : "\"\(printable(text, limit: 60))\""
}

/// `; did you mean "x"?`, or with `listing` the names that are allowed, or nothing.
func suggestion(for name: String, among known: [String], listing: Bool = false) -> String {
    if let nearest = nearestName(to: name, among: known) { return "; did you mean \"\(nearest)\"?" }
    return listing && !known.isEmpty ? "; allowed: \(known.joined(separator: ", "))" : ""
}
