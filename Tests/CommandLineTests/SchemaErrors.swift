internal import Support
internal import SystemPackage
internal import TestSupport

extension RunnerProgram {
    /// What a JSON Schema validator says of a document under a schema that the program prints.
    func schemaErrors(_ document: [UInt8], _ name: String) async throws -> String {
        let file = try folder.write("document.json", document)
        let schemas = HermesHomeFixture.fixtures.removingLastComponent().appending("Sources/EmbeddedData/data/schemas")
        let script = """
            import json, sys
            from jsonschema import Draft202012Validator, FormatChecker
            from referencing import Registry, Resource
            load = lambda n: json.load(open(sys.argv[1] + '/' + n + '.schema.json'))
            names = ['instance-snapshot', 'fleet-snapshot', 'job-run']
            registry = Registry().with_resources([(load(n)['$id'], Resource.from_contents(load(n))) for n in names])
            validator = Draft202012Validator(load(sys.argv[2]), registry=registry, format_checker=FormatChecker())
            for error in validator.iter_errors(json.load(open(sys.argv[3]))):
                print('/'.join(map(str, error.absolute_path)), error.message[:200])
            """
        let full = name == "fleet" ? "fleet-snapshot" : "instance-snapshot"
        let result = try await tool("python3", "-c", script, schemas.string, full, file.string)
        return result.output + result.errors
    }
}
