internal import Support
internal import Yams

/// Every scalar of a YAML tree with its key path; one behind several aliases is visited once.
enum YAMLTree {
    static func isMapping(_ node: Node) -> Bool { node.mapping != nil }

    /// The documents of a text, nil for what is no YAML. A byte order mark is no part of it.
    static func documents(_ text: [UInt8]) -> [Node]? {
        guard text.count <= 4 << 20, ForeignYAML.isBounded(text),
            var documents = try? Yams.compose_all(yaml: String(decoding: text, as: UTF8.self))
        else { return nil }
        var nodes: [Node] = []
        while let node = documents.next() { nodes.append(node) }
        return documents.error == nil ? nodes : nil
    }

    /// Whether a text is what config.yaml has to be: mappings, or nothing at all.
    static func isSettings(_ text: [UInt8]) -> Bool {
        documents(text).map {
            $0.allSatisfy { isMapping($0) || $0.scalar.map(\.string.isEmpty) == true }
        } ?? false
    }

    /// An item of a list has its index for a step, or its `name` if it is a mapping with one.
    static func visit(_ node: Node, _ body: ([String], Node.Scalar) -> Void) {
        var seen: Set<Int> = []
        var budget = 500_000
        func step(_ node: Node, _ path: [String]) {
            budget -= 1
            guard budget > 0, path.count < 100 else { return }
            if let mark = node.mark, node.scalar == nil || !(node.scalar?.string.isEmpty ?? true) {
                // Kinds share marks: a list may begin where its first item begins.
                let kind = node.scalar != nil ? 0 : node.mapping != nil ? 1 : 2
                guard seen.insert((mark.line &* 1_000_003 &+ mark.column) &* 3 &+ kind).inserted else { return }
            }
            switch node {
            case .scalar(let scalar): body(path, scalar)
            case .mapping(let mapping):
                for (key, value) in mapping { step(value, path + [key.scalar?.string ?? "?"]) }
            case .sequence(let sequence):
                for (index, item) in sequence.enumerated() {
                    let name = item.mapping?["name"]?.scalar?.string
                    step(item, path + [name.flatMap { $0.isEmpty ? nil : $0 } ?? String(index)])
                }
            case .alias: break
            }
        }
        step(node, [])
    }
}
