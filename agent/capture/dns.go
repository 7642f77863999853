package capture

import "golang.org/x/net/dns/dnsmessage"

const (
	headerBytes    = 12
	largestMessage = 65_535
	// smallestDatagram is what every program takes, largestDatagram what none may be given more than.
	smallestDatagram = 512
	largestDatagram  = 4096
)

// serverFailure answers a message, where it is a question, that its answer could not be found.
func serverFailure(message []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(message)
	if err != nil || header.Response {
		return nil
	}
	questions, err := parser.AllQuestions()
	if err != nil {
		return nil
	}
	return shortAnswer(dnsmessage.Header{
		ID: header.ID, Response: true, OpCode: header.OpCode, RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
		RCode: dnsmessage.RCodeServerFailure,
	}, questions)
}

// fitted cuts an answer that is longer than it may be down to its question, and says so in it: the program asks again over TCP.
func fitted(answer []byte, limit int) []byte {
	if len(answer) <= limit {
		return answer
	}
	var parser dnsmessage.Parser
	header, err := parser.Start(answer)
	if err != nil {
		return nil
	}
	questions, err := parser.AllQuestions()
	if err != nil {
		return nil
	}
	header.Truncated = true
	return shortAnswer(header, questions)
}

// datagramLimit is how long an answer may be that this question gets in a datagram.
func datagramLimit(question []byte) int {
	var parser dnsmessage.Parser
	if _, err := parser.Start(question); err != nil {
		return smallestDatagram
	}
	if parser.SkipAllQuestions() != nil || parser.SkipAllAnswers() != nil || parser.SkipAllAuthorities() != nil {
		return smallestDatagram
	}
	for {
		header, err := parser.AdditionalHeader()
		if err != nil {
			return smallestDatagram
		}
		if header.Type == dnsmessage.TypeOPT { // its class is the size
			return min(max(int(header.Class), smallestDatagram), largestDatagram)
		}
		if parser.SkipAdditional() != nil {
			return smallestDatagram
		}
	}
}

func shortAnswer(header dnsmessage.Header, questions []dnsmessage.Question) []byte {
	message := dnsmessage.Message{Header: header, Questions: questions}
	packed, err := message.Pack()
	if err != nil {
		return nil
	}
	return packed
}
