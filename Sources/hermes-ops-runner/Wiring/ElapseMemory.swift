internal import Foundation
internal import Jobs
internal import Support
internal import SystemPackage

/// Answers about schedules, kept in a file from one look to the next: when an expression elapses after a moment never changes, and
/// asking systemd costs a process.
actor ElapseMemory {
    private struct Answer: Codable {
        /// Nil: never again.
        var seconds: Int64?
    }

    private let file: FilePath
    private let ask: NextElapseFunction
    private var known: [String: Answer]
    private var used: [String: Answer] = [:]
    private var isChanged = false

    init(file: FilePath, ask: @escaping NextElapseFunction) {
        self.file = file
        self.ask = ask
        let bytes = (try? FileSystem.read(file, limit: 1 << 20, followingLinks: false)) ?? []
        known = (try? JSONDecoder().decode([String: Answer].self, from: Data(bytes))) ?? [:]
    }

    func nextElapse(_ expression: String, after moment: Timestamp) async -> NextElapse {
        let key = "\(moment.seconds) \(expression)"
        if let answer = known[key] {
            used[key] = answer
            return answer.seconds.map { .at(Timestamp(seconds: $0)) } ?? .never
        }
        let answer = await ask(expression, moment)
        switch answer {
        case .at(let moment): used[key] = Answer(seconds: moment.seconds)
        case .never: used[key] = Answer(seconds: nil)
        case .unknown: return answer
        }
        isChanged = true
        return answer
    }

    /// Keeps what was asked this time, and forgets the rest. A memory that cannot be kept is asked anew.
    func save() {
        guard isChanged, let text = try? JSONEncoder().encode(used) else { return }
        try? FileSystem.replace(file, with: Array(text))
    }
}
