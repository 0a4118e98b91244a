//! `x IN CODELIST('name')`, which no SQL parser knows: written as `x IN (CODELIST('name'))`. Spans stay where the words are.

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens with parentheses around each list.
pub(super) fn wrap(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut found = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_in = word(&token, "IN");
        found.push(token);
        let Some(name) = tokens.next_if(|next| is_in && word(next, "CODELIST")) else { continue };
        found.push(TokenWithSpan { token: Token::LParen, span: name.span });
        found.push(name);
        let mut depth = 0_usize;
        while let Some(next) = tokens.next_if(|next| next.token != Token::EOF) {
            match next.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            let span = next.span;
            found.push(next);
            if depth == 0 {
                found.push(TokenWithSpan { token: Token::RParen, span });
                break;
            }
        }
    }
    found
}

fn word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}
