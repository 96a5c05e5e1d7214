//! Where in the text each node of the syntax tree is.
//!
//! The parser records one token per node (of a call its parenthesis, of an
//! operator its sign); everything wider is found from there.

use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, SourceInfo};

use crate::brackets::Brackets;

/// The text of an expression with the place of each of its tokens.
pub(crate) struct Source<'a> {
    text: &'a str,
    info: &'a SourceInfo,
    brackets: Brackets,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str, info: &'a SourceInfo) -> Self {
        Self {
            text,
            info,
            brackets: Brackets::of(text),
        }
    }

    /// The text of the whole node.
    pub(crate) fn text_of(&self, node: &IdedExpr) -> &'a str {
        &self.text[self.extent(node)]
    }

    /// The token that the parser recorded for the node.
    pub(crate) fn token(&self, node: &IdedExpr) -> Range<usize> {
        self.recorded(node.id).unwrap_or(0..self.text.len())
    }

    /// The text of the node's token, an operator's sign for instance.
    pub(crate) fn token_text(&self, node: &IdedExpr) -> &'a str {
        &self.text[self.token(node)]
    }

    /// The whole node, with every bracket that opens or closes in it.
    pub(crate) fn extent(&self, node: &IdedExpr) -> Range<usize> {
        let mut extent = None;
        self.widen(node, &mut extent);
        self.closed(extent)
    }

    /// The name of the field that a selection selects.
    pub(crate) fn field(&self, operand: &IdedExpr, field: &str) -> Range<usize> {
        self.field_after(self.extent(operand), field)
    }

    fn field_after(&self, operand: Range<usize>, field: &str) -> Range<usize> {
        match self.text[operand.end..].find(field) {
            Some(offset) => operand.end + offset..operand.end + offset + field.len(),
            None => operand,
        }
    }

    fn closed(&self, extent: Option<Range<usize>>) -> Range<usize> {
        extent.map_or(0..self.text.len(), |extent| self.brackets.close(extent))
    }

    /// The name of the function that a node calls.
    pub(crate) fn function(&self, node: &IdedExpr, call: &CallExpr) -> Range<usize> {
        let token = self.token(node);
        let before = self.text[..token.start].trim_end();
        match before.strip_suffix(call.func_name.as_str()) {
            Some(rest) => rest.len()..before.len(),
            None => token,
        }
    }

    /// The name of a macro in whose bracket `argument` comes first.
    fn macro_before(&self, argument: &Range<usize>, name: &str) -> Range<usize> {
        let before = self.text[..argument.start].trim_end();
        let before = before.strip_suffix('(').unwrap_or(before).trim_end();
        match before.strip_suffix(name) {
            Some(rest) => rest.len()..before.len(),
            None => argument.clone(),
        }
    }

    fn recorded(&self, id: u64) -> Option<Range<usize>> {
        let (start, last) = self.info.offset_for(id)?;
        let (start, last) = (start as usize, last as usize);
        let width = self
            .text
            .get(last..)?
            .chars()
            .next()
            .map_or(0, char::len_utf8);
        (start <= last).then_some(start..last + width)
    }

    fn widen(&self, node: &IdedExpr, extent: &mut Option<Range<usize>>) {
        if let Some(token) = self.recorded(node.id) {
            include(extent, token);
        }
        match &node.expr {
            Expr::Call(call) => {
                include(extent, self.function(node, call));
                call.target
                    .iter()
                    .for_each(|target| self.widen(target, extent));
                call.args
                    .iter()
                    .for_each(|argument| self.widen(argument, extent));
            }
            Expr::Select(select) => {
                let mut operand = None;
                self.widen(&select.operand, &mut operand);
                let operand = self.closed(operand);
                include(extent, self.field_after(operand.clone(), &select.field));
                if select.test {
                    include(extent, self.macro_before(&operand, "has"));
                }
                include(extent, operand);
            }
            Expr::List(list) => list
                .elements
                .iter()
                .for_each(|element| self.widen(element, extent)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.widen(&entry.key, extent);
                    self.widen(&entry.value, extent);
                }
                EntryExpr::StructField(field) => self.widen(&field.value, extent),
            }),
            Expr::Comprehension(comprehension) => {
                self.widen(&comprehension.iter_range, extent);
                self.widen(&comprehension.loop_step, extent);
            }
            Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }
}

fn include(extent: &mut Option<Range<usize>>, part: Range<usize>) {
    *extent = Some(match extent.take() {
        Some(extent) => extent.start.min(part.start)..extent.end.max(part.end),
        None => part,
    });
}
