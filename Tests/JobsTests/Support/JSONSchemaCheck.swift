import Foundation
import Jobs
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Yams

/// Holds JSON documents against a published schema with Python's jsonschema, the reference most consumers use.
enum JSONSchemaCheck {
    private static let script = """
        import json, sys
        from jsonschema import Draft202012Validator
        schema, documents = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
        Draft202012Validator.check_schema(schema)
        checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        answers = []
        for document in documents:
            errors = sorted(checker.iter_errors(document), key=lambda e: list(map(str, e.path)))
            answers.append([f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in errors])
        print(json.dumps(answers))
        """

    /// The errors of each document, in order.
    static func errors(_ schema: PublishedSchema, _ documents: [String]) async throws -> [[String]] {
        let folder = try TemporaryDirectory()
        let schemaFile = try folder.write("schema.json", schema.text)
        let list = try folder.write("documents.json", "[" + documents.joined(separator: ",") + "]")
        let result = try await Subprocess.run(
            .name("python3"), arguments: ["-c", script, schemaFile.string, list.string],
            output: .string(limit: 4 << 20),
            error: .string(limit: 1 << 20))
        try #require(
            result.terminationStatus == .exited(0), "python3 with jsonschema is needed: \(result.standardError)")
        return try JSONDecoder().decode([[String]].self, from: Data(result.standardOutput.utf8))
    }

    static func expectValid(_ schema: PublishedSchema, _ documents: [String]) async throws {
        for (document, errors) in zip(documents, try await errors(schema, documents)) {
            #expect(errors.isEmpty, "\(errors): \(document)")
        }
    }

    /// YAML as JSON by the core schema of YAML 1.2, which editors use.
    static func json(_ yaml: String) throws -> String {
        let node = try #require(try compose(yaml: yaml, .basic))
        let data = try JSONSerialization.data(withJSONObject: value(node), options: [.fragmentsAllowed])
        return String(decoding: data, as: UTF8.self)
    }

    private static func value(_ node: Node) -> Any {
        switch node {
        case .mapping(let mapping):
            return Dictionary(mapping.map { ($0.key.scalar?.string ?? "", value($0.value)) }, uniquingKeysWith: { $1 })
        case .sequence(let sequence):
            return sequence.map(value)
        case .alias:
            return NSNull()
        case .scalar(let scalar):
            guard scalar.style == .plain else { return scalar.string }
            switch scalar.string {
            case "", "~", "null": return NSNull()
            case "true": return true
            case "false": return false
            default:
                return Int(scalar.string) ?? Double(scalar.string).flatMap { $0.isFinite ? $0 : nil } ?? scalar.string
            }
        }
    }
}
