internal import Support
internal import SystemPackage
internal import Yams

/// A YAML file as nodes with marks, together with everything that is wrong with its syntax.
///
/// Yams stops at the first error. So that the rest of the file is still checked, what it stopped at is neutralised in the text,
/// without moving anything else, and the text is composed again: the first of two equal keys and an alias without its anchor are
/// replaced by placeholders of the same length, a top-level block with broken syntax by empty lines.
struct YAMLDocument {
    private(set) var root: Node?
    private(set) var issues: [ConfigurationIssue] = []
    /// Top-level blocks were dropped: what is missing may have stood in them.
    private(set) var isPartial = false

    private let file: FilePath
    private var lines: [[Unicode.Scalar]]
    /// Placeholder → the key that stood there.
    private var placeholders: [String: String] = [:]

    /// More repairs than this mean that the file is no configuration.
    private static let repairLimit = 200
    private static let aliasMarker: Unicode.Scalar = "\u{E000}"

    init(_ text: String, file: FilePath) {
        self.file = file
        lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(Array.init)
        guard ForeignYAML.isBounded(Array(text.utf8)) else {
            issues.append(ConfigurationIssue("the file unfolds to too many values", at: position(1, 1)))
            return
        }
        for _ in 0..<Self.repairLimit {
            do {
                root = try compose(yaml: currentText, .basic)
                return
            } catch let error as YamlError {
                guard repair(error) else { return }
            } catch {
                issues.append(ConfigurationIssue("the file cannot be read as YAML", at: position(1, 1)))
                return
            }
        }
    }

    /// The name of a key as it stands in the file, placeholders undone.
    func name(ofKey text: String) -> String { placeholders[text] ?? text }

    /// The name of an alias that has no complete anchor, if the scalar is the placeholder of one.
    static func brokenAlias(_ text: String) -> String? {
        text.unicodeScalars.first == aliasMarker ? String(text.unicodeScalars.dropFirst()) : nil
    }

    private var currentText: String {
        var text = String.UnicodeScalarView()
        for (index, line) in lines.enumerated() {
            if index > 0 { text.append("\n") }
            text.append(contentsOf: line)
        }
        return String(text)
    }

    private func position(_ line: Int, _ column: Int) -> SourcePosition {
        SourcePosition(file: file, line: max(1, line), column: max(1, column))
    }

    private mutating func repair(_ error: YamlError) -> Bool {
        switch error {
        case .duplicatedKeysInMapping(let names, let context):
            return hideFirstKey(names.min() ?? "", at: context.mark)
        case .composer(_, let problem, let mark, _):
            if problem == "found undefined alias", hideAlias(at: mark) { return true }
            return report(problem, context: nil, at: mark)
        case .scanner(let context, let problem, let mark, _):
            // An open quote runs to the end of the file: where it began is what helps.
            if let context, context.text.contains("quoted scalar") {
                return report("this quote is never closed", context: nil, at: context.mark)
            }
            return report(problem, context: context?.text, at: mark)
        case .parser(let context, let problem, let mark, _):
            // A bracket that nothing closes swallows the blocks below it: where it began is what helps.
            if let context, context.text.contains("flow"), blockStart(context.mark.line) != blockStart(mark.line) {
                return report("this bracket is never closed", context: nil, at: context.mark)
            }
            return report(problem, context: context?.text, at: mark)
        case .reader(let problem, _, _, _):
            issues.append(ConfigurationIssue("not YAML text: \(problem)", at: position(1, 1)))
            return false
        default:
            issues.append(ConfigurationIssue("the file cannot be read as YAML", at: position(1, 1)))
            return false
        }
    }

    private mutating func hideFirstKey(_ name: String, at mark: Mark) -> Bool {
        let scalars = Array(name.unicodeScalars)
        var start = mark.column - 1
        let line = mark.line - 1
        guard lines.indices.contains(line), !scalars.isEmpty, lines[line].indices.contains(start) else {
            return reportDuplicate(name, at: mark)
        }
        if lines[line][start] == "\"" || lines[line][start] == "'" { start += 1 }
        guard start + scalars.count <= lines[line].count,
            Array(lines[line][start..<start + scalars.count]) == scalars,
            let number = Unicode.Scalar(0xE100 + UInt32(placeholders.count))
        else { return reportDuplicate(name, at: mark) }
        let placeholder = [number] + Array(repeating: Self.aliasMarker, count: scalars.count - 1)
        lines[line].replaceSubrange(start..<start + scalars.count, with: placeholder)
        placeholders[String(String.UnicodeScalarView(placeholder))] = name
        return true
    }

    private mutating func reportDuplicate(_ name: String, at mark: Mark) -> Bool {
        issues.append(ConfigurationIssue("duplicate key \(shown(name))", at: position(mark.line, mark.column)))
        return dropBlock(around: mark.line)
    }

    private mutating func hideAlias(at mark: Mark) -> Bool {
        let (line, column) = (mark.line - 1, mark.column - 1)
        guard lines.indices.contains(line), lines[line].indices.contains(column), lines[line][column] == "*" else {
            return false
        }
        lines[line][column] = Self.aliasMarker
        return true
    }

    private mutating func report(_ problem: String, context: String?, at mark: Mark) -> Bool {
        var message = "broken YAML: \(problem)"
        if let context, !context.isEmpty { message += " \(context)" }
        let (line, column) = (mark.line - 1, mark.column - 1)
        if lines.indices.contains(line), lines[line].indices.contains(column), lines[line][column] == "\t" {
            message += "; indent with spaces, not with tabs"
        }
        issues.append(ConfigurationIssue(message, at: position(mark.line, mark.column)))
        return dropBlock(around: mark.line)
    }

    private func opensBlock(_ index: Int) -> Bool {
        guard let first = lines[index].first else { return false }
        return !" \t#-]},\r".unicodeScalars.contains(first)
    }

    /// The index of the line that opens the top-level block around a line (counted from 1).
    private func blockStart(_ line: Int) -> Int {
        var index = min(max(line - 1, 0), lines.count - 1)
        while index > 0, !opensBlock(index) { index -= 1 }
        return index
    }

    /// Empties the top-level block that holds a line; false if nothing was there to empty.
    private mutating func dropBlock(around line: Int) -> Bool {
        isPartial = true
        var first = blockStart(line)
        var next = first + 1
        while next < lines.count, !opensBlock(next) { next += 1 }
        // The error may show only at the line after the block that causes it.
        if lines[first..<next].allSatisfy(\.isEmpty) {
            guard first > 0 else { return false }
            next = first
            first = blockStart(first)
            if lines[first..<next].allSatisfy(\.isEmpty) { return false }
        }
        for index in first..<next { lines[index] = [] }
        return true
    }
}
