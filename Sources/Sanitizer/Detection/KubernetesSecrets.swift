/// Manifests of Kubernetes Secrets: every value under `data` and `stringData`, whatever its name.
extension DetectionPass {
    /// `kind: Secret` stands at `start..<end`, in YAML or JSON.
    func kubernetesHit(_ start: Int, _ end: Int) {
        guard !text[end].isWord else { return }
        // The document: between `---` lines, at most 64 KiB.
        var first = start
        while first > 0, start - first < 32_768, !(text[first] == 45 && text.has("\n---", at: first - 1)) { first -= 1 }
        var last = end
        let limit = min(text.count, end + 32_768)
        while last < limit, !(text[last] == 10 && text.has("\n---", at: last)) { last += 1 }
        guard first >= documentEnd || last > documentEnd else { return }
        documentEnd = last
        for key in ["data", "stringdata"] as [StaticString] {
            var from = first
            while let hit = text.find(key, in: from..<last) {
                from = hit + key.utf8CodeUnitCount
                guard !text[hit - 1].isWord || text[hit - 2] == 92 else { continue }
                var colon = from
                while text[colon].isQuote || text[colon] == 92 { colon += 1 }
                guard text[colon] == 58 else { continue }
                secretData(after: colon, end: last, isBase64: key.utf8CodeUnitCount == 4)
            }
        }
    }

    private func secretData(after colon: Int, end: Int, isBase64: Bool) {
        let open = text.skipSpace(colon + 1)
        if text[open] == 123 {
            jsonData(open + 1, end)
            return
        }
        guard
            text[text.skipBlanks(colon + 1)] == 10 || text[text.skipBlanks(colon + 1)] == 13
                || text.isLineEscape(at: text.skipBlanks(colon + 1))
        else { return }
        let keyLine = text.lineStart(before: colon, limit: 400)
        let indent = text.skipBlanks(keyLine) - keyLine
        var line = text.nextLine(after: text.lineEnd(from: colon, limit: 40))
        var lines = 0
        while line < end, lines < 500 {
            lines += 1
            let first = text.skipBlanks(line)
            let lineEnd = text.lineEnd(from: first, limit: 65_536)
            defer { line = text.nextLine(after: lineEnd) }
            if first == lineEnd || text[first] == 35 { continue }
            guard first - line > indent else { return }
            var stop = first
            while stop < lineEnd, text[stop] != 58 { stop += 1 }
            guard text[stop] == 58 else {
                // A line of a block scalar.
                if isBase64 { secretScalar(first..<lineEnd, isBase64: true) }
                continue
            }
            guard let value = text.readValue(at: stop + 1), value.range.upperBound <= lineEnd else { continue }
            if text[value.range.lowerBound] == 124 || text[value.range.lowerBound] == 62 { continue }
            var range = value.range
            if !value.isQuoted {
                var last = lineEnd
                if let comment = text.find(" #", in: value.end..<lineEnd) { last = comment }
                while last > range.lowerBound, text[last - 1].isSpace { last -= 1 }
                range = range.lowerBound..<last
            }
            secretScalar(range, isBase64: isBase64)
        }
    }

    private func jsonData(_ start: Int, _ end: Int) {
        var index = start
        while index < end, text[index] != 125 {
            guard text.quoteDepth(at: index) != nil, let key = text.readValue(at: index), key.isQuoted else {
                index += 1
                continue
            }
            let colon = text.skipSpace(key.end)
            guard text[colon] == 58, let value = text.readValue(at: text.skipSpace(colon + 1)), value.isQuoted else {
                index = max(index + 1, key.end)
                continue
            }
            secretScalar(value.range, isBase64: false)
            index = max(value.end, colon + 1)
        }
    }

    private func secretScalar(_ range: Range<Int>, isBase64: Bool) {
        guard range.count >= 4, range.count <= 65_536, !judge.isNeverSecret(text, range),
            text.find("{{", in: range) == nil, !judge.isMadeOfVocabulary(text, range)
        else { return }
        if isBase64 {
            for index in range where !(text[index].isBase64 || text[index] == 61) { return }
        }
        add("kubernetes-secret", range)
    }
}
