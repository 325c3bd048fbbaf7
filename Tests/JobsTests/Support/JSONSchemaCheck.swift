import Foundation
import Jobs
import SystemPackage
import TestSupport
import Testing
import Yams

/// Holds JSON documents against a published schema with Python's jsonschema, the reference most consumers use.
enum JSONSchemaCheck {
    /// The errors of each document, in order.
    static func errors(_ schema: PublishedSchema, _ documents: [String]) async throws -> [[String]] {
        try await SchemaValidator.shared.errors(schema.text, documents)
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

/// One Python process for all tests: to start it and to import jsonschema costs more than any check.
private actor SchemaValidator {
    static let shared = SchemaValidator()

    private static let script = """
        import json, sys
        from jsonschema import Draft202012Validator
        for line in sys.stdin:
            question = json.loads(line)
            Draft202012Validator.check_schema(question["schema"])
            checker = Draft202012Validator(question["schema"], format_checker=Draft202012Validator.FORMAT_CHECKER)
            answers = []
            for document in question["documents"]:
                errors = sorted(checker.iter_errors(document), key=lambda e: list(map(str, e.path)))
                answers.append([f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in errors])
            print(json.dumps(answers), flush=True)
        """

    private var python: (questions: FileHandle, answers: FileHandle)?

    func errors(_ schema: String, _ documents: [String]) throws -> [[String]] {
        let python = try start()
        let question: [String: Any] = [
            "schema": try JSONSerialization.jsonObject(with: Data(schema.utf8)),
            "documents": try documents.map {
                try JSONSerialization.jsonObject(with: Data($0.utf8), options: [.fragmentsAllowed])
            },
        ]
        try python.questions.write(contentsOf: try JSONSerialization.data(withJSONObject: question) + [10])
        var answer = Data()
        while answer.last != 10 {
            let more = python.answers.availableData
            try #require(!more.isEmpty, "python3 with jsonschema is needed")
            answer += more
        }
        return try JSONDecoder().decode([[String]].self, from: answer)
    }

    private func start() throws -> (questions: FileHandle, answers: FileHandle) {
        if let python { return python }
        let program = try #require(findProgram("python3"))
        let process = Process()
        let (questions, answers) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: program.string)
        process.arguments = ["-c", Self.script]
        process.standardInput = questions
        process.standardOutput = answers
        try process.run()
        let made = (questions.fileHandleForWriting, answers.fileHandleForReading)
        python = made
        return made
    }
}
