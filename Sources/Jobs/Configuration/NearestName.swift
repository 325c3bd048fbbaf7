/// The known name nearest to a mistyped one by edit distance (insertions, deletions, substitutions and swaps of neighbours count
/// one each), or nil when none is near enough to be meant.
func nearestName(to name: String, among known: some Sequence<String>) -> String? {
    let lowered = Array(name.lowercased().unicodeScalars.prefix(64))
    let limit = max(1, min(3, lowered.count / 3 + 1))
    var best: (name: String, distance: Int)?
    for candidate in known {
        let distance = editDistance(lowered, Array(candidate.lowercased().unicodeScalars))
        if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
}

/// The optimal string alignment distance.
private func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in 1...left.count {
        var current = [row] + Array(repeating: 0, count: right.count)
        for column in 1...right.count {
            let substitution = last[column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1)
            var cost = min(last[column] + 1, current[column - 1] + 1, substitution)
            if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                cost = min(cost, beforeLast[column - 2] + 1)
            }
            current[column] = cost
        }
        (beforeLast, last) = (last, current)
    }
    return last[right.count]
}
